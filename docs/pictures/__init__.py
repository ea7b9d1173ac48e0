"""The pictures of the documentation, drawn from real studies.

``python -m docs.pictures`` draws all of them, with names after it only these. It needs
matplotlib beside Luthier; ``make pictures`` makes such an environment.

A picture first computes its data, mostly by running a code block of the page that shows
it, and then draws them. The digest of the data is kept in the SVG file, so that a test can
tell without matplotlib whether a picture still shows what Luthier does.
"""
