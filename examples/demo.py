"""Tune a classifier of handwritten digits: three kinds of models, their settings, two at once.

    make demo        or, where Luthier and scikit-learn are installed, python examples/demo.py

Stop it at any moment, politely with Ctrl-C or rudely with kill -9, and start it again: it goes on
where it was. Every result is in the file luthier-demo.db.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from tabulate import tabulate

import luthier
from luthier import Categorical, Float, Int

STORAGE, STUDY, TRIALS = "luthier-demo.db", "digits", 60

SPACE = luthier.Space(
    {
        "model": Categorical(["svm", "boosting", "neighbors"]),
        # Trees do not care how features are scaled, so boosting never sees this parameter.
        "scaling": Categorical(
            ["none", "standard", "minmax"], when={"model": ["svm", "neighbors"]}
        ),
        "kernel": Categorical(["rbf", "poly"], when={"model": "svm"}),
        "C": Float(0.01, 1000, log=True, when={"model": "svm"}),
        "gamma": Float(1e-5, 1, log=True, when={"model": "svm"}),
        "degree": Int(2, 4, when={"kernel": "poly"}),
        "learning_rate": Float(0.02, 0.5, log=True, when={"model": "boosting"}),
        "rounds": Int(20, 150, when={"model": "boosting"}),
        "max_leaf_nodes": Int(4, 32, log=True, when={"model": "boosting"}),
        "k": Int(1, 30, log=True, when={"model": "neighbors"}),
        "weights": Categorical(["uniform", "distance"], when={"model": "neighbors"}),
    },
    constraints=["learning_rate * rounds >= 2"],  # less than that never learns enough
)


def make_model(params: Mapping[str, Any]) -> Pipeline:
    match params["model"]:
        case "svm":
            names = ("kernel", "C", "gamma", "degree")
            model = SVC(**{name: params[name] for name in names if name in params})
        case "boosting":
            model = HistGradientBoostingClassifier(
                learning_rate=params["learning_rate"],
                max_iter=params["rounds"],
                max_leaf_nodes=params["max_leaf_nodes"],
                random_state=0,
            )
        case "neighbors":
            model = KNeighborsClassifier(params["k"], weights=params["weights"])
    scalers = {"standard": StandardScaler(), "minmax": MinMaxScaler()}
    return make_pipeline(scalers.get(params.get("scaling"), "passthrough"), model)


def main() -> None:
    images, digits = load_digits(return_X_y=True)

    def accuracy(trial: luthier.Trial) -> float:
        return cross_val_score(make_model(trial.params), images, digits, cv=5).mean()

    study = luthier.create_study(
        SPACE,
        direction="maximize",
        metric="accuracy",
        study_name=STUDY,
        storage=STORAGE,
        seed=0,
        load_if_exists=True,
    )
    done = len(study.get_trials(["COMPLETE"]))
    print(f"Going on after {done} trials." if done else f"A new study of {TRIALS} trials.")
    print("Press Ctrl-C whenever you like: what runs is finished, and nothing is lost.\n")
    study.optimize(accuracy, total_trials=TRIALS, n_jobs=-1, show_progress_bar=True)

    complete = study.get_trials(["COMPLETE"])
    print(f"\nThe best of {len(complete)} trials ({study.stop_reason}):\n")
    best = sorted(complete, key=lambda trial: trial.value, reverse=True)[:5]
    rows = [[t.number, f"{t.value:.2%}", f"{t.duration:.1f}", told(t.params)] for t in best]
    print(tabulate(rows, ["trial", "accuracy", "seconds", "params"], disable_numparse=True))
    print(f"""
The study is in {STORAGE}. Look at it, or kill this program in the middle and start it again:

    {command()} show {STUDY} --storage {STORAGE}
    {command()} best {STUDY} --storage {STORAGE}
    rm {STORAGE}    to begin anew""")


def command() -> str:
    """Return how to type the command of the environment that runs this."""
    beside = Path(sys.executable).with_name("luthier")
    if shutil.which("luthier") or not beside.exists():
        return "luthier"
    return os.path.relpath(beside)


def told(params: Mapping[str, Any]) -> str:
    values = (f"{v:.3g}" if isinstance(v, float) else v for v in params.values())
    return ", ".join(f"{name} {value}" for name, value in zip(params, values, strict=True))


if __name__ == "__main__":
    main()
