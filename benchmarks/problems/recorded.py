"""Problems that were recorded: scikit-learn's models, and tables that others published."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Problem
from .lookup import table

SKLEARN = {
    "svm_digits": "tune",
    "kernel_ridge_diabetes": "check",
    "elastic_net_diabetes": "tune",
    "svm_cancer": "check",
    "sgd_digits": "tune",
    "logistic_wine": "check",
    "tree_digits": "tune",
    "knn_digits": "check",
    "boosting_diabetes": "tune",
    "forest_digits": "check",
    "mlp_cancer": "tune",
    "hist_boosting_cancer": "check",
}
PUBLISHED = {
    "fcnet_naval": "check",
    "fcnet_parkinsons": "tune",
    "fcnet_protein": "tune",
    "fcnet_slice": "check",
    "mlp_vehicle": "tune",
    "mlp_segment": "check",
    "mlp_phoneme": "check",
    "cells_cifar10": "check",
    "cells_cifar100": "tune",
    "cells_imagenet": "tune",
}
SLOW = {"hist_boosting_cancer", "fcnet_protein"}


def problems() -> Iterator[Problem]:
    """Yield one problem per table."""
    for kind, names in (("sklearn", SKLEARN), ("tabular", PUBLISHED)):
        for name, split in names.items():
            recorded = table(name)
            yield Problem(
                name,
                kind,
                recorded.space(),
                recorded.loss,
                split,
                best=recorded.best,
                slow=name in SLOW,
            )
