"""Which of the trials is the best one, behind the noise."""

from __future__ import annotations

import numpy as np

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.samplers.base import Recommendation
from luthier.samplers.gp.data import Data
from luthier.samplers.gp.explain import spread, unwarped
from luthier.samplers.gp.models import Models
from luthier.samplers.gp.settings import Settings

QUIET = 0.02
"""Below this share of noise the best measurement is the best trial."""

WIDER = 1.6
"""By so much the interval of the recommended trial is wider than the model's own.

It was chosen because it looked good, and what looks best among many is partly luck; the model
knows nothing of that. Chosen, with `SURE`, on 17 noisy functions, so that the interval holds in
nine of ten runs.
"""

SURE = 50
"""With more trials the interval stays as wide as if there were no more than these.

The model believes that its errors shrink with the root of the trials. Those of noise do; that the
function is not quite as smooth as the model does not, and after 200 trials that is most of it: the
interval would hold in 56 of 100 runs.
"""


def recommended(settings: Settings, problem: Problem, history: History) -> Recommendation | None:
    """Return the trial to use, None as long as no trial has a result within the limits."""
    data = Data(problem, history, len(history.ended), settings.most)
    eligible = data.eligible[data.known]
    if not eligible.any():
        return None
    trials = [data.trials[i] for i in np.flatnonzero(data.known)]
    losses = data.losses[data.known, 0]
    sign = problem.signs[0]
    if len(losses) < settings.n_startup or np.ptp(losses) == 0:
        best = int(np.argmin(np.where(eligible, losses, np.inf)))
        value = sign * float(losses[best])
        return Recommendation(trials[best], value, (value, value), 0.0)
    model = Models(settings, problem, history, data).loss(0, settings.members).model
    noise = float(np.clip(np.median(model.noise), 0.0, 1.0))
    if noise < QUIET:
        best = int(np.argmin(np.where(eligible, losses, np.inf)))
    else:
        expected = [unwarped(f, z, losses) for f, z in zip(model.fitted, model.y, strict=True)]
        best = int(np.argmin(np.where(eligible, np.mean(expected, axis=0), np.inf)))
    wider = WIDER * max(1.0, len(losses) / SURE) ** 0.5
    values = sign * spread(model, losses, model.X[best], model.A[best], wider)
    low, middle, high = (float(v) for v in np.quantile(values, (0.05, 0.5, 0.95)))
    return Recommendation(trials[best], middle, (low, high), noise)
