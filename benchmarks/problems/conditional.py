"""Problems with conditions: the choice of a model, of an optimiser, of how many layers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .base import Problem
from .functions import ACKLEY, BRANIN, LEVY, RASTRIGIN, ROSENBROCK, SPHERE, Placed
from .lookup import table
from .networks import CHANCE, Network
from .spaces import Params, Space, Spec, choice, integer, real
from .synthetic import over


def problems() -> Iterator[Problem]:
    """Yield the conditional problems."""
    yield _tree()
    yield _two_levels()
    yield _wrong_branch()
    yield _deep()
    yield _optimisers("optimisers_a", "tune")
    yield _optimisers("optimisers_b", "check")
    yield _cash("cash_digits", ("svm", "sgd", "knn", "tree"), "tune")
    yield _cash("cash_digits_shared", ("svm", "forest", "tree"), "check")
    yield _layers("layers_a", "check")
    yield _layers("layers_b", "tune")


def _branch(parent: str, value: str, prefix: str, d: int) -> Space:
    return {f"{prefix}{i}": real(-1.0, 1.0, when={parent: [value]}) for i in range(d)}


def _tree() -> Problem:
    """Four branches with functions of their own, and one parameter that all share."""
    space: dict[str, Spec] = {"algorithm": choice("a", "b", "c", "d"), "shared": real(0.0, 1.0)}
    parts = {}
    for value, known, d, scale, lift in (
        ("a", SPHERE, 2, 0.5, 0.30),
        ("b", BRANIN, 2, 0.01, 0.10),
        ("c", ACKLEY, 3, 0.05, 0.0),
        ("d", LEVY, 4, 0.03, 0.05),
    ):
        own = _branch("algorithm", value, value, d)
        space |= own
        surface = over(space, Placed(known, d, f"tree-{value}"), list(own))
        parts[value] = (surface, known.value, scale, lift)
    favourite = {"a": 0.2, "b": 0.5, "c": 0.65, "d": 0.8}

    def function(params: Params) -> float:
        value = params["algorithm"]
        surface, least, scale, lift = parts[value]
        off = float(params["shared"]) - favourite[value]
        return lift + scale * (surface(params) - least) + off**2

    return Problem("tree", "conditional", space, function, "tune", best=0.0, slow=True)


def _two_levels() -> Problem:
    """A model, in one model a kernel, in two kernels a number; scales from 1e-6 to 10."""
    space: Space = {
        "model": choice("linear", "kernel", "trees"),
        "penalty": real(1e-6, 10.0, log=True, when={"model": ["linear", "kernel"]}),
        "kernel": choice("rbf", "poly", "cosine", when={"model": ["kernel"]}),
        "gamma": real(1e-5, 10.0, log=True, when={"kernel": ["rbf"]}),
        "degree": integer(2, 6, when={"kernel": ["poly"]}),
        "coef0": real(0.0, 5.0, when={"kernel": ["poly"]}),
        "depth": integer(1, 15, when={"model": ["trees"]}),
        "rate": real(1e-3, 1.0, log=True, when={"model": ["trees"]}),
        "trees": integer(10, 1000, log=True, when={"model": ["trees"]}),
    }

    def function(params: Params) -> float:
        if params["model"] == "trees":
            learnt = math.log10(params["rate"] * params["trees"])
            return 0.10 + 0.05 * (learnt - 1.3) ** 2 + 0.002 * (int(params["depth"]) - 6) ** 2
        penalty = math.log10(params["penalty"])
        if params["model"] == "linear":
            return 0.22 + 0.01 * (penalty + 3) ** 2
        if params["kernel"] == "rbf":
            gamma = math.log10(params["gamma"])
            off = (gamma + 1.6) + 0.5 * (penalty + 2.2)  # a narrow, slanted valley
            return 0.06 + 0.3 * (1 - math.exp(-3 * off**2)) + 0.01 * (penalty + 2.2) ** 2
        if params["kernel"] == "poly":
            shift = float(params["coef0"]) - 1.7
            off = int(params["degree"]) - 3 + 0.3 * shift
            return 0.08 + 0.02 * off**2 + 0.01 * shift**2 + 0.006 * (penalty + 1) ** 2
        return 0.18 + 0.004 * (penalty + 4) ** 2

    return Problem("two_levels", "conditional", space, function, "check", best=0.06, slow=True)


def _wrong_branch() -> Problem:
    """The branch that is good on average is not the one with the optimum."""
    space: dict[str, Spec] = {"method": choice("safe", "sharp", "dull")}
    for value, d in (("safe", 2), ("sharp", 3), ("dull", 1)):
        space |= _branch("method", value, value[:2], d)
    safe = over(space, Placed(SPHERE, 2, "safe"), ["sa0", "sa1"])
    sharp = over(space, Placed(ROSENBROCK, 3, "sharp"), ["sh0", "sh1", "sh2"])

    def function(params: Params) -> float:
        if params["method"] == "safe":
            return 0.3 + 0.05 * safe(params)
        if params["method"] == "sharp":
            return 0.25 * math.log1p(sharp(params) / 4)
        return 0.6 + 0.1 * abs(float(params["du0"]) - 0.3)

    return Problem("wrong_branch", "conditional", space, function, "tune", best=0.0)


def _deep() -> Problem:
    """Three choices in a row; each opens parameters, some of which stay from branch to branch."""
    space: dict[str, Spec] = {
        "scaling": choice("none", "power"),
        "power": real(-2.0, 2.0, when={"scaling": ["power"]}),
        "features": choice("all", "some", "mixed"),
        "kept": integer(1, 50, log=True, when={"features": ["some", "mixed"]}),
        "mixture": real(0.0, 1.0, when={"features": ["mixed"]}),
        "mixer": choice("sum", "product", when={"features": ["mixed"]}),
        "slope": real(0.1, 10.0, log=True, when={"mixer": ["product"]}),
        "noise": real(1e-4, 1.0, log=True),
    }
    ripple = Placed(RASTRIGIN, 2, "deep")

    def function(params: Params) -> float:
        loss = 0.02 * (math.log10(params["noise"]) + 2.3) ** 2
        loss += 0.1 if params["scaling"] == "none" else 0.08 * (params["power"] - 0.6) ** 2
        if params["features"] == "all":
            return loss + 0.30
        kept = math.log(params["kept"])
        if params["features"] == "some":
            return loss + 0.12 + 0.03 * (kept - 2.5) ** 2
        if params["mixer"] == "sum":
            off = float(params["mixture"]) - 0.2
            return loss + 0.10 + 0.3 * off**2 + 0.02 * (kept - 1) ** 2
        where = np.array([params["mixture"], math.log(params["slope"] / 0.1) / math.log(100)])
        return loss + 0.01 * ripple(where) + 0.04 * (kept - math.log(20)) ** 2

    return Problem("deep", "conditional", space, function, "check")


def _optimisers(name: str, split: str) -> Problem:
    """A network surface on which each optimiser has parameters of its own."""
    network = Network(name)
    space = {
        **network.space,
        "momentum": real(0.0, 0.99, when={"optimizer": ["sgd"]}),
        "nesterov": choice(True, False, when={"optimizer": ["sgd"]}),
        "one_minus_beta2": real(1e-4, 0.3, log=True, when={"optimizer": ["adam", "rmsprop"]}),
        "warmup": integer(0, 10, when={"optimizer": ["adam"]}),
    }

    def function(params: Params) -> float:
        if params["optimizer"] == "sgd":
            momentum = params["momentum"]
            # Momentum works like a larger rate; beyond some point it hurts in itself.
            rate = params["lr"] / (1 - momentum) ** 0.7
            extra = 0.3 * max(0.0, momentum - 0.93) + 0.02 * (momentum - 0.85) ** 2
            extra += 0.004 if not params["nesterov"] else 0.0
        else:
            beta = math.log10(params["one_minus_beta2"])
            rate = params["lr"] * 10 ** (0.15 * (beta + 3))
            extra = 0.01 * (beta + 2.2) ** 2
            if params["optimizer"] == "adam":
                extra += 0.001 * (params["warmup"] - 4) ** 2
                rate *= 1 - 0.03 * params["warmup"]
        return min(CHANCE, network.error({**params, "lr": rate}) + float(extra))

    return Problem(name, "conditional", space, function, split)


def _cash(name: str, models: tuple[str, ...], split: str) -> Problem:
    """Choose a model and tune it: tables of one data set under one roof."""
    tables = {model: table(f"{model}_digits") for model in models}
    space: dict[str, Spec] = {"model": choice(*models)}
    for model, recorded in tables.items():
        space |= recorded.space(f"{model}_", {"model": [model]})

    def function(params: Params) -> float:
        model = params["model"]
        loss = float(tables[model].look_up(params, prefix=f"{model}_"))
        # The forest was recorded by its log loss; as an error it is about a third of it.
        return loss / 3 if model == "forest" else loss

    best = min(
        recorded.best / (3 if model == "forest" else 1) for model, recorded in tables.items()
    )
    return Problem(name, "conditional", space, function, split, best=best)


def _layers(name: str, split: str) -> Problem:
    """A network with a width and a dropout for each layer, as many as there are."""
    rng = np.random.default_rng(len(name) + ord(name[-1]))
    deepest = 4
    space: dict[str, Spec] = {"lr": real(1e-5, 1.0, log=True), "layers": integer(1, deepest)}
    for layer in range(1, deepest + 1):
        when = {"layers": list(range(layer, deepest + 1))} if layer > 1 else None
        space[f"width{layer}"] = integer(8, 512, log=True, when=when)
        space[f"dropout{layer}"] = real(0.0, 0.7, when=when)
    space["skip"] = choice(True, False, when={"layers": list(range(2, deepest + 1))})
    widths, drops = rng.uniform(4.5, 8.0, deepest), rng.uniform(0.05, 0.45, deepest)
    gains, best_lr = np.array([0.30, 0.16, 0.05, 0.02]), rng.uniform(-3.2, -2.0)

    def function(params: Params) -> float:
        layers = params["layers"]
        loss, wider = 0.55, 0.0
        for layer in range(layers):
            width = math.log2(params[f"width{layer + 1}"])
            wider += 0.1 * (width - 6)
            off = (width - widths[layer]) ** 2 / 6 + 8 * (
                params[f"dropout{layer + 1}"] - drops[layer]
            ) ** 2
            loss += -gains[layer] * math.exp(-off) + 0.015 * layer
        off = math.log10(params["lr"]) - (best_lr - 0.2 * (layers - 1) - wider)
        if off > 1.8:
            return CHANCE
        if layers > 1 and not params["skip"]:
            loss += 0.01 * (layers - 1) ** 2
        return min(CHANCE, loss + 0.35 * (1 - math.exp(-0.6 * off**2)))

    return Problem(name, "conditional", space, function, split)
