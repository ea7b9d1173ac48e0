"""Luthier inside of other libraries: one module for each, imported by nothing else."""

__all__: list[str] = []
