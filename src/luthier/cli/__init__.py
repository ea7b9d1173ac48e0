"""The command ``luthier``: one command a file, each loaded when it is used."""
