"""What can be chosen of the Gaussian process sampler; `GP` says what each setting means."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.errors import InvalidInput
from luthier.numerics.warping import WARPS
from luthier.samplers.gp.search import Effort
from luthier.samplers.gp.surrogate import KERNELS, Beliefs


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of `luthier.samplers.gp.GP`, checked."""

    n_startup: int = 5
    members: int = 6
    steps: int = 8
    warps: tuple[str, ...] = ("half_rank", "half_log")
    volume_warp: str = "half_log01"
    kernel: str = "tree"
    trend: bool = True
    bowl: float = 0.5
    bend: float = 0.0
    length: float = 0.5
    noise: float = 3e-3
    explore_every: int = 3
    explore_until: int = 8
    most: int = 300
    belief_strength: float = 10.0
    candidates: int = 256
    starts: int = 6

    def __post_init__(self) -> None:
        for name in ("n_startup", "members", "steps", "most", "candidates", "starts"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"GP: {name}", value, "a whole number of at least 1")
        object.__setattr__(self, "warps", tuple(self.warps))
        for name, warp in (*(("warps", w) for w in self.warps), ("volume_warp", self.volume_warp)):
            if warp not in WARPS:
                raise InvalidInput(f"GP: {name}", warp, ", ".join(WARPS))
        if not self.warps:
            raise InvalidInput("GP: warps", self.warps, "at least one of " + ", ".join(WARPS))
        for name in ("length", "noise"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"GP: {name}", getattr(self, name), "a positive number")
        for name in ("bowl", "bend", "explore_every", "explore_until", "belief_strength"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(f"GP: {name}", getattr(self, name), "a number of at least 0")
        if self.kernel not in KERNELS:
            raise InvalidInput("GP: kernel", self.kernel, ", ".join(KERNELS))

    @property
    def beliefs(self) -> Beliefs:
        """The priors of the hyperparameters."""
        return Beliefs(length=self.length, noise=self.noise)

    @property
    def effort(self) -> Effort:
        """How long to search for a suggestion."""
        return Effort(drawn=self.candidates, starts=self.starts)
