"""Bayesian optimisation with a Gaussian process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.blas import single_threaded
from luthier.samplers.base import Recommendation, Suggestion
from luthier.samplers.gp.recommendation import recommended
from luthier.samplers.gp.settings import Settings
from luthier.samplers.gp.turn import Turn


@dataclass(frozen=True, slots=True)
class GP(Settings):
    """Learn a Gaussian process of the losses, and try where most is expected of it.

    The first points spread over the space, its branches and its choices. From then on
    each suggestion maximises the logarithm of the expected improvement (of the
    hypervolume, with several objectives) over legal, feasible points, times the chance of
    being within the problem's limits and of not failing, per unit of cost where trials
    report one. Trials that are running count as if they had ended as expected.

    The model is a Matern-5/2 process over all columns that are active together, on top of
    a trend: a line and a parabola along each number and an offset for each choice, whose
    weights are learnt too. Hyperparameters are not fixed at one estimate but drawn from
    their posterior, and expectations averaged over the draws; the losses are seen
    through several warps at once.

    Parameters
    ----------
    n_startup : int, default 5
        Points before there is a model.
    members : int, default 6
        Draws from the posterior of the hyperparameters; fewer from 50 trials on, and only
        the mode from 100.
    steps : int, default 8
        Length of the chains that draw them.
    warps : sequence of str, default ("half_rank", "half_log")
        How losses are transformed, each for an equal part of the members: "half_rank",
        "half_log", "half_log3", "half_log01" or "none" of `luthier.numerics.warping`.
    volume_warp : str, default "half_log01"
        The same with two or three objectives, where it also says what a gain is worth: a
        strong one makes much of small gains at the cheap end of the front.
    kernel : {"tree", "product"}, default "tree"
        Whether branches of a conditional space have processes of their own beside the one
        they share, or are told apart by their choices alone.
    trend : bool, default True
        Whether there is one.
    bowl : float, default 0.5
        How much worse the ends of the ranges are believed to be than their middle, in standard
        deviations of the losses, with one objective: people choose ranges around what is good.
        0 for none.
    bend : float, default 0.0
        Prior standard deviation of how far numeric axes are bent (the logarithms of
        `luthier.numerics.kumaraswamy`'s shapes), from 20 trials on; 0 for not at all, 0.3 where a
        function changes far faster at one end of a range than at the other.
    length : float, default 0.5
        Prior median of a length-scale in a space of one column, in units of its range; it
        grows with the root of the number of columns.
    noise : float, default 0.003
        Prior median of the noise variance, as a share of the variance of the losses.
    explore_every : int, default 3
        One suggestion in so many goes to the level of a choice that was tried least; 0 for none.
    explore_until : int, default 8
        Levels that were tried so often are left to the model.
    most : int, default 300
        With more trials the model sees so many of them, and looks in a box around the best.
    belief_strength : float, default 10.0
        Weight of what an expert believes; it is divided by the number of trials, and the
        beliefs are dropped where results contradict them.
    candidates : int, default 256
        Random points to begin each search with.
    starts : int, default 6
        From how many of the best the search goes on.

    References
    ----------
    Ament et al. (2023), Unexpected Improvements to Expected Improvement for Bayesian
    Optimization, NeurIPS. Eriksson et al. (2019), TuRBO, NeurIPS. Hvarfner et al. (2022),
    piBO, ICLR. Murray, Adams, MacKay (2010), Elliptical slice sampling, AISTATS. Snoek,
    Larochelle, Adams (2012), Practical Bayesian Optimization of Machine Learning
    Algorithms, NeurIPS. Snoek, Swersky, Zemel, Adams (2014), Input Warping for Bayesian
    Optimization of Non-Stationary Functions, ICML.
    """

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` points, each knowing those before it as if they were running."""
        with single_threaded():
            turn = Turn(self, problem, history, rng)
            return [turn.next(history.count + i) for i in range(n)]

    def recommend(self, problem: Problem, history: History) -> Recommendation | None:
        """Return the trial to use: of those tried, the one with the best expected value.

        Where next to nothing of what is observed is noise, the one that measured best.

        Raises
        ------
        InvalidInput
            If the study has several objectives.
        """
        if len(problem.objectives) > 1:
            raise InvalidInput("recommend", len(problem.objectives), "a study of one objective")
        with single_threaded():
            return recommended(self, problem, history)
