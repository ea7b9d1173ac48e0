"""What happened: problems, trials, events, and the history that they make."""

from luthier.model.events import Event
from luthier.model.history import History
from luthier.model.ledger import Ledger
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.trial import FrozenTrial, Report, TrialState

__all__ = [
    "Event",
    "FrozenTrial",
    "History",
    "Ledger",
    "Limit",
    "Objective",
    "Problem",
    "Report",
    "TrialState",
]
