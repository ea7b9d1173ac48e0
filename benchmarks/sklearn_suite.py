"""Runs scikit-learn's own tests of its searches against ours, and prints what passes.

    python benchmarks/sklearn_suite.py [--as-search]

The tests are those that are installed with scikit-learn. Its classes are replaced by ours of the
same name while the test modules are imported. With ``--as-search``, `SearchCV` stands for
`RandomizedSearchCV` instead, as far as its words are the same.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

import pytest
import sklearn
from sklearn import model_selection
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

from luthier.integrations import sklearn as ours

NAMES = ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")
MODULES = (
    "sklearn.model_selection.tests.test_search",
    "sklearn.model_selection.tests.test_successive_halving",
)
REASONS: dict[str, str] = {
    "test_custom_run_search": "our searches have one fitted attribute more, study_",
}
"""Why a test need not pass, by its name."""

AS_SEARCH: dict[str, str] = {
    **REASONS,
    "test_random_search_cv_results_multimetric": "another score leads to other candidates",
    "test_search_cv_results_rank_tie_breaking": "the whole space is tried, but not in order",
    "test_search_cv_timing": "the whole space is tried, but not in order",
    "test_search_default_iid": "a candidate that is given up has no mean",
    "test_grid_search_with_multioutput_data": "a candidate that is given up has no mean",
    "test_search_with_2d_array": "the whole space is tried, but not in order",
    "test_search_callbacks_no_propagation": "each batch of candidates is a task of its own",
    "test_search_callbacks_propagation": "each batch of candidates is a task of its own",
}
"""The same where `SearchCV` stands for `RandomizedSearchCV`."""


class AsRandomized(ours.SearchCV):  # type: ignore[misc]
    """`SearchCV` with the defaults of `RandomizedSearchCV` where they mean the same."""

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = float("nan"),
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )


@dataclass
class Tally:
    """A pytest plugin that counts."""

    passed: int = 0
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid.rpartition("::")[2]
        if report.skipped:
            self.skipped.append(name)
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message if crash is not None else str(report.longrepr)
            self.failed[name] = text.strip().splitlines()[0]
        elif report.when == "call":
            self.passed += 1


def run(*, as_search: bool = False, arguments: tuple[str, ...] = ()) -> Tally:
    """Run the tests with our classes in the place of scikit-learn's.

    Parameters
    ----------
    as_search : bool, default False
        Whether `SearchCV` stands for `RandomizedSearchCV`.
    arguments : tuple of str
        More arguments for pytest.
    """
    theirs = {name: getattr(model_selection, name) for name in NAMES}
    tally = Tally()
    try:
        for name in NAMES:
            setattr(model_selection, name, getattr(ours, name))
        if as_search:
            model_selection.RandomizedSearchCV = AsRandomized
        for module in MODULES:
            sys.modules.pop(module, None)
        # pytest takes modules that are imported already, so that the substitutes are in them.
        paths = [str(importlib.import_module(module).__file__) for module in MODULES]
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=short"]
            own = ["-c", "/dev/null", f"--rootdir={sklearn.__path__[0]}", "--import-mode=importlib"]
            pytest.main([*options, *own, *arguments, *paths], plugins=[tally])
    finally:
        for name, theirs_ in theirs.items():
            setattr(model_selection, name, theirs_)
        for module in MODULES:
            sys.modules.pop(module, None)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-search", action="store_true")
    parser.add_argument("arguments", nargs="*", help="for pytest")
    given = parser.parse_args()
    tally = run(as_search=given.as_search, arguments=tuple(given.arguments))
    reasons = AS_SEARCH if given.as_search else REASONS
    total = tally.passed + len(tally.failed)
    print(f"scikit-learn {sklearn.__version__}: {tally.passed} of {total} tests pass")
    print(f"{len(tally.failed)} fail, {len(tally.skipped)} are skipped by scikit-learn itself")
    for name, message in tally.failed.items():
        reason = reasons.get(name.partition("[")[0], "NOT EXPECTED")
        print(f"  {name}\n    {reason}\n    {message}")
    sys.exit(any(name.partition("[")[0] not in reasons for name in tally.failed))


if __name__ == "__main__":
    main()
