"""Trials, as in ``optuna.trial``."""

from luthier.compat.optuna._base_trial import BaseTrial, TrialState
from luthier.compat.optuna._frozen_trial import FixedTrial, FrozenTrial, create_trial
from luthier.compat.optuna._live_trial import Trial

__all__ = ["BaseTrial", "FixedTrial", "FrozenTrial", "Trial", "TrialState", "create_trial"]
