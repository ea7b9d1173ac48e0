"""Other libraries' interfaces on top of Luthier: change one import, keep the script."""

__all__: list[str] = []
