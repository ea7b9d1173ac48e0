"""Searches: what they share with scikit-learn's, and what they do beyond."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy.stats import loguniform, uniform
from sklearn import model_selection
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from luthier import Categorical, Float, Int, Space, Subset, TrialState
from luthier.errors import InvalidInput
from luthier.integrations.sklearn import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    SearchCV,
    SelectColumns,
    nested_cross_validate,
)

X, y = make_classification(120, 6, n_informative=4, random_state=0)


class Bowl(ClassifierMixin, BaseEstimator):
    """Scores best at a = 0.3, a little differently in each fold, and counts its fits."""

    fits = 0

    def __init__(self, a: float = 0.0, fail: bool = False, step: int = 1) -> None:
        self.a = a
        self.fail = fail
        self.step = step

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Bowl:
        type(self).fits += 1
        if self.fail:
            raise RuntimeError("no such model")
        self.classes_ = np.unique(y)
        self.noise_ = float(np.asarray(X)[:, 0].mean())
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return 1 - abs(self.a - 0.3) + 0.01 * self.noise_


@pytest.fixture(autouse=True)
def no_fits() -> None:
    Bowl.fits = 0


SPACE = {"a": Float(0, 1)}


# ------------------------------------------------------------------ as scikit-learn does it


def comparable(results: dict[str, Any]) -> str:
    """Return all but times as a text, in which NaN equals NaN."""
    rows = {k: np.ma.asarray(v).tolist() for k, v in results.items() if not k.endswith("_time")}
    return repr(rows)


@pytest.mark.parametrize("words", [{}, {"scoring": ["accuracy", "f1"], "refit": "f1"}], ids=str)
def test_a_grid_search_gives_what_scikit_learn_s_gives(words: dict[str, Any]) -> None:
    grid = [{"kernel": ["linear"], "C": [1, 10]}, {"kernel": ["rbf"], "gamma": [0.1, 1]}]
    given = {"cv": 3, "return_train_score": True, **words}
    ours = GridSearchCV(SVC(), grid, **given).fit(X, y)
    theirs = model_selection.GridSearchCV(SVC(), grid, **given).fit(X, y)
    assert comparable(ours.cv_results_) == comparable(theirs.cv_results_)
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_score_ == theirs.best_score_
    assert ours.best_index_ == theirs.best_index_
    assert ours.multimetric_ == theirs.multimetric_
    assert (ours.predict(X) == theirs.predict(X)).all()


def test_one_fit_at_a_time_gives_what_all_at_once_give(tmp_path: Path) -> None:
    grid = {"C": [1, 10], "gamma": [0.1, 1]}
    storage = f"{tmp_path}/s.db"
    words = {"scoring": ["accuracy", "f1"], "refit": "f1", "return_train_score": True}
    ours = GridSearchCV(SVC(), grid, storage=storage, study_name="g", **words).fit(X, y)
    theirs = model_selection.GridSearchCV(SVC(), grid, **words).fit(X, y)
    assert comparable(ours.cv_results_) == comparable(theirs.cv_results_)


def test_random_candidates_are_those_of_the_seed() -> None:
    def draws(seed: Any) -> Any:
        given = {"C": loguniform(1e-2, 1e2), "kernel": ["linear", "rbf"]}
        words = {"n_iter": 4, "cv": 2}
        return (RandomizedSearchCV(SVC(), given, random_state=seed, **words).fit(X, y).cv_results_)[
            "params"
        ]

    assert draws(0) == draws(0)
    assert draws(0) != draws(1)
    state = np.random.RandomState(3)
    assert draws(state) == draws(np.random.RandomState(3))
    assert len({str(params) for params in draws(None) + draws(None)}) > 4


def test_a_small_space_is_tried_once() -> None:
    search = RandomizedSearchCV(Bowl(), {"a": [0.1, 0.2, 0.3]}, n_iter=9)
    with pytest.warns(UserWarning, match=r"parameters 3 is smaller than n_iter=9"):
        search.fit(X, y)
    assert [params["a"] for params in search.cv_results_["params"]] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    "search",
    [
        SearchCV(SVC(), {"C": loguniform(0.1, 10)}, n_iter=3, random_state=0),
        GridSearchCV(SVC(), {"C": [1, 10]}),
        HalvingRandomSearchCV(SVC(), {"C": Float(0.1, 10)}, n_candidates=3, random_state=0),
    ],
    ids=lambda s: type(s).__name__,
)
def test_searches_are_cloned_pickled_and_shown(search: Any) -> None:
    fitted = clone(search).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict(X) == fitted.predict(X)).all()
    assert comparable(again.cv_results_) == comparable(fitted.cv_results_)
    assert clone(fitted).get_params().keys() == search.get_params().keys()
    assert "best_estimator_: SVC" in fitted._repr_html_()


def test_workers_of_joblib_find_the_same() -> None:
    words = {"n_iter": 6, "cv": 3, "random_state": 0, "sampler": "random", "confirm": 0}
    one = SearchCV(SVC(), {"C": loguniform(0.01, 10)}, scheduler="full", **words).fit(X, y)
    two = SearchCV(SVC(), {"C": loguniform(0.01, 10)}, scheduler="full", n_jobs=2, **words)
    assert comparable(two.fit(X, y).cv_results_) == comparable(one.cv_results_)


def test_metadata_is_routed() -> None:
    weights, groups = np.ones(len(y)), np.arange(len(y)) % 4
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = Bowl().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = SearchCV(estimator, SPACE, n_iter=3, cv=GroupKFold(4), random_state=0)
        search.fit(X, y, sample_weight=weights, groups=groups)
    assert search.n_splits_ == 4


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_go_in_and_come_out(frame: Any) -> None:
    data = frame({f"x{i}": X[:, i] for i in range(X.shape[1])})
    pipe = Pipeline([("scale", StandardScaler()), ("pca", PCA(2))])
    search = GridSearchCV(pipe, {"pca__n_components": [1, 2]}, cv=3)
    search.set_output(transform="pandas" if frame is pd.DataFrame else "polars").fit(data, y)
    assert list(search.feature_names_in_) == list(data.columns)
    assert isinstance(search.transform(data), frame)


# ------------------------------------------------------------------ what a study adds


def test_it_learns_where_to_look() -> None:
    random = RandomizedSearchCV(Bowl(), {"a": uniform(0, 1)}, n_iter=25, random_state=0).fit(X, y)
    for sampler in ("tpe", "gp", None):
        search = SearchCV(Bowl(), SPACE, n_iter=25, sampler=sampler, random_state=0).fit(X, y)
        later, drawn = (
            np.median([abs(params["a"] - 0.3) for params in one.cv_results_["params"][10:]])
            for one in (search, random)
        )
        assert later < drawn / 1.5


def test_quick_fits_get_a_quick_sampler() -> None:
    search = SearchCV(Bowl(), SPACE, n_iter=8, random_state=0).fit(X, y)
    assert type(search.study_.sampler).__name__ == "TPE"
    named = SearchCV(Bowl(), SPACE, n_iter=8, sampler="gp", random_state=0).fit(X, y)
    assert type(named.study_.sampler).__name__ == "GP"


def test_hopeless_candidates_are_given_up_fold_by_fold() -> None:
    search = SearchCV(Bowl(), SPACE, n_iter=20, cv=10, sampler="random", confirm=0, random_state=0)
    search.fit(X, y)
    results = search.cv_results_
    folds = np.array([results[f"split{k}_test_score"] for k in range(10)])
    made = np.isfinite(folds).sum(axis=0)
    assert Bowl.fits == made.sum() + 1  # the last one on all data
    stopped = made < 10
    assert 5 < stopped.sum() < 20
    assert np.isnan(results["mean_test_score"][stopped]).all()
    assert (results["rank_test_score"][stopped] == results["rank_test_score"].max()).all()
    assert np.isfinite(results["mean_test_score"][~stopped]).all()
    states = [trial.state for trial in search.study_.trials]
    assert [state is TrialState.PRUNED for state in states] == stopped.tolist()
    # Nothing better was lost than what won.
    distances = [abs(params["a"] - 0.3) for params in results["params"]]
    assert search.best_index_ == int(np.argmin(distances))


def test_a_grid_may_race_too() -> None:
    grid = {"a": np.linspace(0, 1, 11)}
    search = GridSearchCV(Bowl(), grid, cv=10, scheduler="race").fit(X, y)
    assert search.best_params_["a"] == pytest.approx(0.3)
    assert Bowl.fits < 80


class Lucky(Bowl):
    """With a = 0, perfect on folds of neighbouring rows and bad on all others."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        if self.a == 0:
            return float(np.diff(np.asarray(X)[:, 0]).max() < 3)
        return 0.9 - abs(self.a - 0.3)


def test_the_best_one_is_confirmed_on_other_splits() -> None:
    rows = np.arange(240.0).reshape(120, 2) / 2
    target = np.arange(120) % 2
    values = {"a": [0, 0.25, 0.6, 0.9]}
    words: dict[str, Any] = {"n_iter": 4, "scheduler": "full", "cv": 4, "sampler": "grid"}
    fooled = SearchCV(Lucky(), values, confirm=0, **words).fit(rows, target)
    assert fooled.best_params_ == {"a": 0}
    proved = SearchCV(Lucky(), values, confirm=2, random_state=0, **words).fit(rows, target)
    assert proved.best_params_ == {"a": 0.25}
    assert proved.best_score_ == proved.cv_results_["mean_test_score"][1] == pytest.approx(0.85)
    assert proved.cv_results_["rank_test_score"].tolist() == [1, 2, 3, 4]
    assert proved.best_estimator_.a == 0.25


@pytest.mark.parametrize("cv", [TimeSeriesSplit(3), KFold(3), [(range(60), range(60, 120))]])
def test_what_cannot_be_split_anew_is_not_confirmed(cv: Any) -> None:
    search = SearchCV(Bowl(), SPACE, n_iter=4, cv=cv, scheduler="full", random_state=0).fit(X, y)
    assert len(search.study_.trials) == 4


def test_budgets_of_fits_and_of_time() -> None:
    few = SearchCV(Bowl(), SPACE, n_iter=None, max_fits=60, cv=5, random_state=0).fit(X, y)
    assert Bowl.fits <= 61
    assert len(few.cv_results_["params"]) >= 3
    soon = SearchCV(Bowl(), SPACE, n_iter=None, timeout=0.2, random_state=0).fit(X, y)
    assert soon.cv_results_["params"]
    assert soon.refit_time_ < 5


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    storage = f"{tmp_path}/kept.db"

    def search(n_iter: int, **words: Any) -> Any:
        kept = {"storage": storage, "study_name": "s", "random_state": 0, "confirm": 0, **words}
        return SearchCV(Bowl(), SPACE, n_iter=n_iter, **kept)

    first = search(6).fit(X, y)
    before = Bowl.fits
    second = search(10).fit(X, y)
    assert second.cv_results_["params"][:6] == first.cv_results_["params"]
    assert len(second.cv_results_["params"]) == 10
    assert Bowl.fits - before <= 4 * 5 + 1
    fits = Bowl.fits
    again = search(10).fit(X, y)
    assert Bowl.fits - fits == 2  # one to see how scores look, and the last one on all data
    assert comparable(again.cv_results_) == comparable(second.cv_results_)
    assert pickle.loads(pickle.dumps(again)).study_.name == "s"
    with pytest.raises(InvalidInput, match="other data"):
        search(12).fit(X[::-1], y)
    with pytest.raises(InvalidInput, match="other n_splits"):
        search(12, cv=4).fit(X, y)
    with pytest.raises(InvalidInput, match="other splits"):
        search(12, cv=StratifiedKFold(5, shuffle=True)).fit(X, y)
    assert len(search(11).fit(X, y).cv_results_["params"]) == 11  # nothing was spoilt


class Interrupted(Bowl):
    after = 0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Interrupted:
        if Bowl.fits == self.after:
            raise KeyboardInterrupt
        Bowl.fits += 1
        self.classes_ = np.unique(y)
        self.noise_ = 0.0
        return self


def test_an_interrupted_candidate_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"n_iter": 4, "storage": f"{tmp_path}/s.db", "study_name": "s", "random_state": 0}
    words |= {"scheduler": "full", "confirm": 0}
    monkeypatch.setattr(Interrupted, "after", 12)
    with pytest.raises(KeyboardInterrupt):
        SearchCV(Interrupted(), SPACE, **words).fit(X, y)
    monkeypatch.setattr(Interrupted, "after", -1)
    search = SearchCV(Interrupted(), SPACE, **words).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.cv_results_["params"]) == 4


# ------------------------------------------------------------------ failures


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_candidate_that_always_fails_does_not_end_the_search() -> None:
    space = {"a": Float(0, 1), "fail": Categorical([False, True])}
    words: dict[str, Any] = {"n_iter": 8, "sampler": "random", "random_state": 0, "confirm": 0}
    with pytest.warns(FitFailedWarning, match="no such model"):
        search = SearchCV(Bowl(), space, **words).fit(X, y)
    failed = np.array([params["fail"] for params in search.cv_results_["params"]])
    assert 0 < failed.sum() < 8
    assert np.isnan(search.cv_results_["mean_test_score"][failed]).all()
    assert not search.best_params_["fail"]
    states = {trial.state for trial in search.study_.trials if trial.params["fail"]}
    assert states == {TrialState.FAILED}


@pytest.mark.parametrize("scheduler", ["full", "race"])
def test_several_scores_of_a_candidate_that_fails(scheduler: str) -> None:
    space = {"fail": [True, False], "a": [0.1, 0.2]}
    search = GridSearchCV(
        Bowl(),
        space,
        scoring={"one": "accuracy", "two": "accuracy"},
        refit="two",
        error_score=-1,
        scheduler=scheduler,
        return_train_score=True,
    )
    with pytest.warns(FitFailedWarning):
        search.fit(X, y)
    failed = np.array([params["fail"] for params in search.cv_results_["params"]])
    assert failed.tolist() == [False, True] * 2 or failed.tolist() == [True, False] * 2
    for name in ("mean_test_one", "mean_train_two"):
        assert (search.cv_results_[name][failed] == -1).all()


def test_the_first_candidate_may_be_the_one_that_fails() -> None:
    space = {"fail": [True, False]}
    with pytest.warns(FitFailedWarning):
        search = GridSearchCV(Bowl(), space, error_score=0, scheduler="race").fit(X, y)
    assert search.best_params_ == {"fail": False}
    assert "mean_train_score" not in search.cv_results_


def sometimes_nan(estimator: Any, X: Any, y: Any) -> float:
    return float("nan") if estimator.a > 0.5 else estimator.score(X, y)


@pytest.mark.parametrize("scheduler", ["full", "race"])
def test_scores_that_are_no_numbers_are_warned_of(scheduler: str) -> None:
    words: dict[str, Any] = {"sampler": "random", "random_state": 0, "confirm": 0, "n_iter": 8}
    search = SearchCV(Bowl(), SPACE, scoring=sometimes_nan, scheduler=scheduler, **words)
    with pytest.warns(UserWarning, match="One or more of the test scores are non-finite"):
        search.fit(X, y)
    assert search.best_params_["a"] <= 0.5


def test_if_all_fail_scikit_learn_s_error_is_raised() -> None:
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(ValueError, match=r"fits failed.[\s\S]*no such model"),
    ):
        SearchCV(Bowl(fail=True), SPACE, n_iter=3, random_state=0).fit(X, y)
    with pytest.raises(RuntimeError, match="no such model"):
        SearchCV(Bowl(fail=True), SPACE, error_score="raise").fit(X, y)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"n_iter": 0}, "n_iter"),
        ({"max_fits": 0.5}, "max_fits"),
        ({"timeout": -1}, "timeout"),
        ({"confirm": -1}, "confirm"),
        ({"sampler": 3}, "sampler"),
        ({"sampler": "unknown"}, "unknown"),
        ({"scheduler": "unknown"}, "unknown"),
        ({"param_distributions": 3}, "param_distributions"),
        ({"param_distributions": "auto", "estimator": Bowl()}, "space_for"),
        ({"param_distributions": {"none": [1, 2]}}, "none"),
        ({"scoring": ["accuracy", "f1"]}, "multi-metric"),
    ],
    ids=str,
)
def test_bad_words_are_value_errors(words: dict[str, Any], message: str) -> None:
    given = {"estimator": SVC(), "param_distributions": {"C": [1, 2]}, **words}
    with pytest.raises(ValueError, match=message):
        SearchCV(**given).fit(X, y)


# ------------------------------------------------------------------ pipelines


def test_steps_are_chosen_among_alternatives() -> None:
    pipe = Pipeline([("scale", StandardScaler()), ("model", SVC())])
    space = {
        "scale": [StandardScaler(), "passthrough"],
        "model": [SVC(), DecisionTreeClassifier(random_state=0)],
        "model__C": Float(1e-2, 1e2, log=True, when={"model": "SVC"}),
        "model__max_depth": Int(1, 9, when={"model": "DecisionTreeClassifier"}),
    }
    search = SearchCV(pipe, space, n_iter=12, cv=3, random_state=0).fit(X, y)
    depth = search.cv_results_["param_model__max_depth"]
    is_svc = [isinstance(params["model"], SVC) for params in search.cv_results_["params"]]
    assert depth.mask.tolist() == is_svc
    assert {*is_svc} == {True, False}
    assert {str(params["scale"]) for params in search.cv_results_["params"]} == {
        "StandardScaler()",
        "passthrough",
    }


@pytest.mark.parametrize("kind", ["array", "pandas", "polars"])
def test_columns_are_chosen(kind: str) -> None:
    names = [f"x{i}" for i in range(6)]
    data: Any = X
    if kind == "pandas":
        data = pd.DataFrame(X, columns=names)
    elif kind == "polars":
        data = pl.DataFrame(X, schema=names)
    items: list[Any] = list(range(6)) if kind == "array" else names
    pipe = Pipeline([("columns", SelectColumns()), ("model", LogisticRegression())])
    space = Space({"columns__columns": Subset(items, min_size=1)})
    search = SearchCV(pipe, space, n_iter=8, cv=3, random_state=0).fit(data, y)
    chosen = search.best_params_["columns__columns"]
    assert search.best_estimator_["model"].n_features_in_ == len(chosen)
    assert search.best_estimator_["columns"].transform(data).shape[1] == len(chosen)


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="column"):
        SelectColumns(["x9"]).fit(pd.DataFrame({"x0": [1, 2]}))


# ------------------------------------------------------------------ halving, nesting


def test_halving_draws_from_our_spaces() -> None:
    space = Space({"a": Float(0, 1), "step": Int(1, 5)}, constraints=["step < 4"])
    words: dict[str, Any] = {"n_candidates": 9, "random_state": 0, "min_resources": 20}
    search = HalvingRandomSearchCV(Bowl(), space, **words).fit(X, y)
    assert search.n_candidates_ == [9, 3]
    assert all(params["step"] < 4 for params in search.cv_results_["params"])
    again = HalvingRandomSearchCV(Bowl(), space, **words).fit(X, y)
    assert again.cv_results_["params"] == search.cv_results_["params"]
    grid = HalvingGridSearchCV(Bowl(), {"a": Float(0, 1, step=0.25)}, min_resources=20)
    assert [p["a"] for p in grid.fit(X, y).cv_results_["params"][:5]] == [0, 0.25, 0.5, 0.75, 1]


def test_halving_is_scikit_learn_s_for_its_own_words() -> None:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401

    words: dict[str, Any] = {"random_state": 0, "n_candidates": 6, "min_resources": 30}
    given = {"C": loguniform(0.1, 10)}
    ours = HalvingRandomSearchCV(SVC(), given, **words).fit(X, y)
    theirs = model_selection.HalvingRandomSearchCV(SVC(), given, **words).fit(X, y)
    assert comparable(ours.cv_results_) == comparable(theirs.cv_results_)


def test_nested_cross_validation_in_one_call() -> None:
    iris = load_iris(return_X_y=True)
    search = SearchCV(SVC(), {"C": loguniform(0.1, 10)}, n_iter=3, cv=2, random_state=0)
    found = nested_cross_validate(search, *iris, cv=3, random_state=0)
    assert found.scores.shape == (3,)
    assert found.mean == pytest.approx(found.scores.mean())
    assert found.optimism == pytest.approx((found.inner_scores - found.scores).mean())
    assert found.std_error > 0
    outer = StratifiedKFold(3, shuffle=True, random_state=1)
    by_hand = model_selection.cross_val_score(search, *iris, cv=outer)
    assert nested_cross_validate(search, *iris, cv=outer).scores.tolist() == by_hand.tolist()
    assert not hasattr(search, "best_params_")
    assert [set(params) for params in found.best_params] == [{"C"}] * 3


class Rugged(Bowl):
    """Scores as if by chance, but always the same."""

    def score(self, X: Any, y: Any) -> float:
        return 0.8 + 0.1 * np.sin(1e4 * self.a)


def test_rugged_scores_are_no_reason_to_measure_a_candidate_twice() -> None:
    search = SearchCV(
        Rugged(), {"a": Float(0.0, 1.0)}, n_iter=32, cv=2, sampler="gp", confirm=0, random_state=0
    ).fit(X, y)

    assert len(set(search.cv_results_["param_a"].tolist())) == 32
