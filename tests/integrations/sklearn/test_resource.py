"""Searches that fit candidates a little at first, and only the good ones further."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from luthier import Float, TrialState
from luthier.errors import InvalidInput
from luthier.integrations.sklearn import GridSearchCV, SearchCV

X, y = make_classification(120, 6, n_informative=4, random_state=0)


class Steps(ClassifierMixin, BaseEstimator):
    """The more steps it makes the better it scores, best for a = 0.3; the class counts them all."""

    made = 0

    def __init__(self, a: float = 0.0, n_estimators: int = 27, warm_start: bool = False) -> None:
        self.a = a
        self.n_estimators = n_estimators
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any) -> Steps:
        before = getattr(self, "steps_", 0) if self.warm_start else 0
        type(self).made += self.n_estimators - before
        self.steps_ = self.n_estimators
        self.classes_ = np.unique(y)
        return self

    def score(self, X: Any, y: Any) -> float:
        return float(1 - abs(self.a - 0.3) - 1 / (1 + self.steps_))

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


class Cold(Steps):
    """The same, but each fit begins anew."""

    def __init__(self, a: float = 0.0, n_estimators: int = 27) -> None:
        self.a = a
        self.n_estimators = n_estimators
        self.warm_start = False


class Unkept(Steps):
    """The same, but it cannot be pickled once it is fitted."""

    def fit(self, X: Any, y: Any) -> Steps:
        self.lock_ = threading.Lock()
        return super().fit(X, y)


class Solver(ClassifierMixin, BaseEstimator):
    """Its `max_iter` is what each fit adds, as that of scikit-learn's solvers."""

    def __init__(self, a: float = 0.0, max_iter: int = 20, warm_start: bool = False) -> None:
        self.a = a
        self.max_iter = max_iter
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any) -> Solver:
        self.classes_ = np.unique(y)
        self.made_ = self.max_iter + (getattr(self, "made_", 0) if self.warm_start else 0)
        return self

    def score(self, X: Any, y: Any) -> float:
        return float(self.made_) + self.a

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    for kind in (Steps, Cold, Unkept):
        kind.made = 0


SPACE = {"a": Float(0, 1)}
WORDS: dict[str, Any] = {"n_iter": 12, "cv": 3, "confirm": 0, "random_state": 0}
PROMOTE = {"name": "asha", "kind": "promote", "min_step": 3, "max_step": 27}


def search(estimator: Any, **words: Any) -> Any:
    space = words.pop("space", SPACE)
    given = {"resource": "n_estimators", **WORDS, **words}
    return SearchCV(estimator, space, **given)


# ------------------------------------------------------------------ what comes out


@pytest.mark.parametrize(
    ("estimator", "space", "resource"),
    [
        (
            GradientBoostingClassifier(n_estimators=9, random_state=0),
            {"max_depth": [1, 3]},
            "n_estimators",
        ),
        (ExtraTreesClassifier(9, random_state=0), {"max_depth": [1, 5]}, "n_estimators"),
        (HistGradientBoostingClassifier(max_iter=9), {"max_leaf_nodes": [3, 9]}, "max_iter"),
        (Solver(max_iter=9), {"a": [0.1, 0.2]}, "max_iter"),
        (
            Pipeline([("scale", StandardScaler()), ("model", ExtraTreesClassifier(9))]),
            {"model__max_depth": [1, 5], "model__random_state": [0]},
            "model__n_estimators",
        ),
        (SVC(), {"C": [0.1, 1]}, "max_iter"),  # without a warm start
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_who_comes_to_the_end_scores_as_after_one_fit(
    estimator: Any, space: Any, resource: str
) -> None:
    words = {"cv": 3, "confirm": 0, "scheduler": "full", "sampler": "grid", "max_resources": 9}
    ours = SearchCV(estimator, space, n_iter=2, resource=resource, **words).fit(X, y)
    whole = clone(estimator).set_params(**{resource: 9})
    theirs = GridSearchCV(whole, space, cv=3).fit(X, y)
    scores = "mean_test_score"
    assert ours.cv_results_[scores].tolist() == theirs.cv_results_[scores].tolist()
    assert ours.cv_results_["n_resources"].tolist() == [9, 9]
    assert ours.best_params_ == {**theirs.best_params_, resource: 9}
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert type(ours.best_estimator_) is type(estimator)
    assert (ours.classes_ == theirs.classes_).all()


def test_the_table_says_how_far_each_candidate_came() -> None:
    found = search(Steps()).fit(X, y)
    results = found.cv_results_
    reached = results["n_resources"]
    assert set(reached) == {3, 9, 27}
    assert results["iter"].tolist() == [{3: 0, 9: 1, 27: 2}[amount] for amount in reached]
    assert [params["n_estimators"] for params in results["params"]] == reached.tolist()
    expected = [1 - abs(p["a"] - 0.3) - 1 / (1 + p["n_estimators"]) for p in results["params"]]
    assert results["mean_test_score"] == pytest.approx(expected)
    states = [trial.state is TrialState.COMPLETE for trial in found.study_.trials]
    assert states == (reached == 27).tolist()
    assert reached[found.best_index_] == 27
    assert found.best_score_ == results["mean_test_score"][reached == 27].max()
    assert found.best_estimator_.n_estimators == 27
    assert found.best_estimator_.warm_start is False


def test_only_what_comes_on_top_is_fitted() -> None:
    found = search(Steps()).fit(X, y)
    reached = found.cv_results_["n_resources"]
    assert Steps.made == 3 * reached.sum() + 27  # and once on all data
    assert Steps.made < 0.75 * 3 * 12 * 27


def test_what_cannot_go_on_begins_anew_with_the_same_scores() -> None:
    warm, cold, unkept = (search(kind()).fit(X, y) for kind in (Steps, Cold, Unkept))
    scores = "mean_test_score"
    assert cold.cv_results_[scores].tolist() == warm.cv_results_[scores].tolist()
    assert unkept.cv_results_[scores].tolist() == warm.cv_results_[scores].tolist()
    before = {3: 0, 9: 3, 27: 12}
    again = sum(before[amount] for amount in warm.cv_results_["n_resources"])
    assert Cold.made == Steps.made + 3 * again
    assert Unkept.made == Cold.made


@pytest.mark.parametrize("scheduler", ["asha", "hyperband", "auto", "median", "pasha", "adaptive"])
def test_schedulers_by_name_find_it(scheduler: str) -> None:
    found = search(Steps(), scheduler=scheduler, n_iter=25).fit(X, y)
    assert abs(found.best_params_["a"] - 0.3) < 0.1
    assert found.cv_results_["n_resources"][found.best_index_] == 27


def test_rungs_are_those_of_the_search() -> None:
    found = search(Steps(), min_resources=2, factor=2, max_resources=10).fit(X, y)
    assert set(found.cv_results_["n_resources"]) <= {2, 4, 8, 10}
    scheduler = found.study_.scheduler
    assert (scheduler.min_step, scheduler.max_step, scheduler.eta) == (2, 10, 2)


# ------------------------------------------------------------------ paused candidates


def test_a_paused_candidate_goes_on_where_it_stood() -> None:
    found = search(Steps(), scheduler=PROMOTE, n_iter=20).fit(X, y)
    trials = found.study_.trials
    assert max(trial.attempt for trial in trials) > 1
    assert {trial.state for trial in trials} == {TrialState.PAUSED, TrialState.COMPLETE}
    reached = found.cv_results_["n_resources"]
    assert reached[found.best_index_] == 27
    assert Steps.made == 3 * reached.sum() + 27
    assert len(trials) == 20


def test_a_paused_candidate_that_was_not_kept_begins_anew() -> None:
    kept = search(Steps(), scheduler=PROMOTE, n_iter=20).fit(X, y)
    found = search(Unkept(), scheduler=PROMOTE, n_iter=20).fit(X, y)
    assert found.best_params_ == kept.best_params_
    assert found.best_score_ == kept.best_score_
    assert Unkept.made > Steps.made


class Interrupted(Steps):
    after = 0

    def fit(self, X: Any, y: Any) -> Steps:
        if 0 < self.after <= Steps.made:
            raise KeyboardInterrupt
        super().fit(X, y)
        Steps.made += Interrupted.made
        Interrupted.made = 0
        return self


@pytest.mark.parametrize("after", [160, 300])
@pytest.mark.parametrize("scheduler", ["asha", PROMOTE], ids=["stop", "promote"])
def test_it_goes_on_after_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: Any, after: int
) -> None:
    kept = {"storage": f"{tmp_path}/s.db", "study_name": "s", "scheduler": scheduler, "n_iter": 16}
    monkeypatch.setattr(Interrupted, "after", after)
    with pytest.raises(KeyboardInterrupt):
        search(Interrupted(), **kept).fit(X, y)
    monkeypatch.setattr(Interrupted, "after", 0)
    found = search(Interrupted(), **kept).fit(X, y)
    results = found.cv_results_
    assert len(results["params"]) == 16
    assert np.isfinite(results["mean_test_score"]).all()
    assert abs(found.best_params_["a"] - 0.3) < 0.2
    assert results["n_resources"][found.best_index_] == 27
    with pytest.raises(InvalidInput, match="other resource"):
        search(Interrupted(), max_resources=20, **kept).fit(X, y)


class Trap:
    """Raises when somebody unpickles it."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemError('a file of somebody else was unpickled')",)


def test_what_the_search_did_not_write_is_not_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"storage": f"{tmp_path}/s.db", "study_name": "s", "scheduler": PROMOTE, "n_iter": 16}
    monkeypatch.setattr(Interrupted, "after", 300)
    with pytest.raises(KeyboardInterrupt):
        search(Interrupted(), **kept).fit(X, y)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name in set("012")]
    assert files
    for file in files:
        file.write_bytes(bytes(32) + pickle.dumps(Trap()))
    monkeypatch.setattr(Interrupted, "after", 0)
    found = search(Interrupted(), **kept).fit(X, y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


# ------------------------------------------------------------------ passes over the data


def by_hand(model: Any, passes: int, rows: Any) -> Any:
    scaler = StandardScaler().fit(X[rows])
    for _ in range(passes):
        model.partial_fit(scaler.transform(X[rows]), y[rows], classes=[0, 1])
    return scaler, model


def test_passes_of_a_pipeline() -> None:
    pipe = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    space = {"sgdclassifier__alpha": [1e-4, 1e-2]}
    words = {"resource": "partial_fit", "max_resources": 8, "min_resources": 2, "factor": 2}
    cv = KFold(3)
    found = SearchCV(
        pipe, space, n_iter=2, cv=cv, sampler="grid", scheduler="full", confirm=0, **words
    ).fit(X, y)
    for index, params in enumerate(found.cv_results_["params"]):
        assert set(params) == set(space)
        for fold, (train, test) in enumerate(cv.split(X)):
            model = SGDClassifier(random_state=0, alpha=params["sgdclassifier__alpha"])
            scaler, model = by_hand(model, 8, train)
            score = model.score(scaler.transform(X[test]), y[test])
            assert found.cv_results_[f"split{fold}_test_score"][index] == score
    scaler, model = by_hand(
        SGDClassifier(random_state=0, alpha=found.best_params_["sgdclassifier__alpha"]),
        8,
        slice(None),
    )
    assert (found.best_estimator_[-1].coef_ == model.coef_).all()


def test_weights_reach_the_passes() -> None:
    pipe = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    words = {
        "resource": "partial_fit",
        "max_resources": 3,
        "min_resources": 1,
        **WORDS,
        "n_iter": 2,
    }
    space = {"sgdclassifier__alpha": [1e-4, 1e-2]}
    plain = SearchCV(pipe, space, **words).fit(X, y)
    weights = np.where(y == 1, 5.0, 0.1)
    weighted = SearchCV(pipe, space, **words).fit(X, y, sgdclassifier__sample_weight=weights)
    assert weighted.predict(X).sum() > plain.predict(X).sum()
    with pytest.raises(ValueError, match="partial_fit can pass on"):
        SearchCV(pipe, space, error_score="raise", **words).fit(
            X, y, standardscaler__sample_weight=weights
        )


# ------------------------------------------------------------------ budgets, confirming, workers


def test_a_part_of_a_fit_counts_as_such() -> None:
    found = search(Steps(), n_iter=None, max_fits=30).fit(X, y)
    reached = found.cv_results_["n_resources"]
    assert len(reached) > 10
    assert 24 < 3 * reached.sum() / 27 <= 30


def test_candidates_that_go_on_keep_to_the_budget() -> None:
    found = search(Steps(), n_iter=None, max_fits=30, scheduler=PROMOTE).fit(X, y)
    reached = found.cv_results_["n_resources"]
    assert reached.max() == 27
    assert 24 < 3 * reached.sum() / 27 <= 30


def test_whole_fits_confirm_the_best() -> None:
    words = {"cv": StratifiedKFold(3, shuffle=True, random_state=0), "confirm": 2}
    found = search(Steps(), **words).fit(X, y)
    reached = found.cv_results_["n_resources"]
    assert len(found.study_.trials) == 12 + 2 * 2
    assert Steps.made == 3 * reached.sum() + 2 * 2 * 3 * 27 + 27
    assert reached[found.best_index_] == 27


def test_workers_of_joblib_find_the_same() -> None:
    space = {"max_depth": [1, 3], "learning_rate": [0.1, 1.0]}
    words = {"n_iter": 4, "sampler": "grid", "scheduler": "full", "resource": "n_estimators"}
    model = GradientBoostingClassifier(n_estimators=9, random_state=0)
    one, two = (
        SearchCV(model, space, cv=3, confirm=0, n_jobs=n_jobs, **words).fit(X, y)
        for n_jobs in (1, 2)
    )
    scores = "mean_test_score"
    assert one.cv_results_[scores].tolist() == two.cv_results_[scores].tolist()


def test_the_space_that_is_known_leaves_the_resource_out() -> None:
    found = search(
        GradientBoostingClassifier(n_estimators=9), space="auto", n_iter=3, scheduler="full"
    ).fit(X, y)
    assert found.best_params_["n_estimators"] == 9


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_candidate_that_fails_is_not_fitted_further() -> None:
    space = {"loss": ["log_loss", "no such loss"]}
    model = GradientBoostingClassifier(n_estimators=9)
    with pytest.warns(FitFailedWarning):
        found = search(model, space=space, n_iter=2, sampler="grid").fit(X, y)
    assert found.best_params_["loss"] == "log_loss"
    assert sorted(found.cv_results_["n_resources"]) == [1, 9]
    states = {trial.state for trial in found.study_.trials}
    assert states == {TrialState.COMPLETE, TrialState.FAILED}


@pytest.mark.parametrize(
    ("estimator", "words", "message"),
    [
        (Steps(), {"resource": "n_trees"}, "resource"),
        (Steps(), {"resource": "partial_fit", "max_resources": 9}, "partial_fit"),
        (Steps(), {"resource": "a"}, "not searched"),
        (Steps(), {"max_resources": 1}, "max_resources"),
        (Steps(n_estimators=1), {}, "max_resources"),
        (Steps(), {"min_resources": 27}, "min_resources"),
        (Steps(), {"factor": 1}, "factor"),
        (SGDClassifier(), {"resource": "partial_fit", "space": {"alpha": [1]}}, "max_resources"),
        (Steps(), {"scheduler": "race"}, "scheduler"),
        (Steps(), {"scheduler": "wilcoxon"}, "scheduler"),
        (Steps(), {"scheduler": "pbt"}, "scheduler"),
    ],
    ids=str,
)
def test_bad_words_are_value_errors(estimator: Any, words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(estimator, **words).fit(X, y)
