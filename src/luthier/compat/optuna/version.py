"""Which version of Optuna's interface this is."""

__all__ = ["__version__"]

__version__ = "5.0.0"
