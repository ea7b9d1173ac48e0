"""Which sampler does the work, where the study's own one leaves it to others."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.model.history import History
from luthier.samplers.base import Chooser, Sampler
from luthier.samplers.registry import Spec, describe, name_of


@dataclass(frozen=True, slots=True)
class SamplerChoice:
    """The sampler that proposes the next params, and why it is this one.

    Attributes
    ----------
    name : str or mapping
        The sampler as its registry knows it; a mapping with ``name`` if it has settings.
    because : str
        The reason, to be read after "because".
    """

    name: Spec
    because: str

    def __str__(self) -> str:
        return f"{name_of(self.name)}, because {self.because}"


def sampler_choice(sampler: Sampler, history: History) -> SamplerChoice:
    """Return which sampler does the work of a study's sampler after this history."""
    if isinstance(sampler, Chooser):
        chosen, because = sampler.choose(history.problem, history)
        return SamplerChoice(describe(chosen), because)
    return SamplerChoice(describe(sampler), "it was chosen by the user")
