"""The tuners that are compared, and the environment that each of them gets."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TORCH = "torch==2.13.0"  # given first, or a build of several gigabytes comes in


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that is made at the first use.

    Parameters
    ----------
    name : str
        The folder is ``.venv-peers-<name>``.
    steps : tuple of str
        What pip installs, one call after the other.
    """

    name: str
    steps: tuple[str, ...]

    @property
    def home(self) -> Path:
        return ROOT / f".venv-peers-{self.name}"

    def python(self) -> Path:
        """Return its interpreter; make it where it is missing or its packages have changed."""
        python, stamp = self.home / "bin" / "python", self.home / "installed-for-efficiency"
        if not stamp.exists() or stamp.read_text() != "\n".join(self.steps):
            print(f"Making {self.home.name} ...", file=sys.stderr, flush=True)
            if not python.exists():
                venv.create(self.home, with_pip=True)
            for step in self.steps:
                command = [str(python), "-m", "pip", "install", "--quiet", *step.split()]
                subprocess.run(command, check=True)
            stamp.write_text("\n".join(self.steps))
        return python


OPTUNA = Environment("optuna", (TORCH, "optuna==5.0.0 scipy cmaes==0.13.1"))
ENVIRONMENTS = (
    OPTUNA,
    Environment("hyperopt", ("hyperopt==0.3.0",)),
    Environment("skopt", ("scikit-optimize==0.10.2",)),
    Environment("smac", ("smac==2.4.1",)),
    Environment("ax", (TORCH, "ax-platform==1.3.1")),
    Environment(
        "hebo",
        (
            TORCH,
            "numpy==1.24.4 pandas==2.0.3 scipy==1.11.4 scikit-learn==1.3.2 gpytorch==1.12 "
            "linear_operator==0.5.3 GPy==1.13.2 catboost==1.2.7 pymoo==0.6.0 disjoint-set "
            "HEBO==0.3.6",
        ),
    ),
    Environment("nevergrad", ("nevergrad==1.0.12 numpy<2 pandas<2.3 scipy<1.14 scikit-learn<1.6",)),
)


@dataclass(frozen=True, slots=True)
class Peer:
    """One algorithm of one library.

    Parameters
    ----------
    name : str
        As in the report.
    environment : Environment
        What runs it.
    worker : str
        Script in this folder, without ``_efficiency_peer_`` and ``.py``.
    sampler : str
        What the worker calls it.
    slow : bool, default False
        Whether it needs so long that it gets only the problems flagged as slow.
    limits, several : bool, default False
        Whether it takes limits on metrics, and several objectives.
    """

    name: str
    environment: Environment
    worker: str
    sampler: str
    slow: bool = False
    limits: bool = False
    several: bool = False


_ENVIRONMENT = {environment.name: environment for environment in ENVIRONMENTS}


def _peer(name: str, environment: str, sampler: str = "default", **flags: bool) -> Peer:
    return Peer(name, _ENVIRONMENT[environment], environment, sampler, **flags)


PEERS = {
    peer.name: peer
    for peer in (
        _peer("optuna-tpe", "optuna", "tpe", limits=True, several=True),
        _peer("optuna-cmaes", "optuna", "cmaes"),
        _peer("optuna-nsga2", "optuna", "nsga2", limits=True, several=True),
        _peer("optuna-gp", "optuna", "gp", slow=True, limits=True, several=True),
        _peer("hyperopt-tpe", "hyperopt", "tpe"),
        _peer("nevergrad-ngopt", "nevergrad", "NGOpt"),
        _peer("skopt-gp", "skopt", "gp", slow=True),
        _peer("smac-rf", "smac", "hpo", slow=True),
        _peer("smac-gp", "smac", "blackbox", slow=True),
        _peer("hebo", "hebo", slow=True),
        _peer("ax", "ax", slow=True, limits=True, several=True),
    )
}
"""Optuna's AutoSampler is not among them: OptunaHub loads it from the network at run time."""
