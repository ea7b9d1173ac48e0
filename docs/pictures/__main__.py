"""Draw the pictures that are named, or all of them."""

import sys

from docs.pictures.collection import PICTURES
from docs.pictures.picture import digest
from docs.pictures.style import figure, save


def main(names: list[str]) -> None:
    """Compute, draw and save the pictures."""
    unknown = set(names) - set(PICTURES)
    if unknown:
        sys.exit(f"no such picture: {', '.join(sorted(unknown))}")
    for name in names or PICTURES:
        picture = PICTURES[name]
        data = picture.compute()
        drawn = figure(picture.size)
        picture.draw(drawn, data)
        save(drawn, picture.path, digest(data))
        print(f"{picture.path.name}: {picture.path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
