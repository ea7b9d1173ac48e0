"""The randomness of trials: NumPy's streams of one seed, of which many are prepared at once.

To seed a generator takes longer than to draw a point from it. Nearly all of it is the hash of
`numpy.random.SeedSequence` (M. O'Neill 2015, Developing a seed_seq alternative), which NumPy
keeps as it is, as it does the streams. Here it is computed for the neighbours of a trial, too,
in arrays; what comes out is the same to the bit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.random.bit_generator import ISpawnableSeedSequence
from numpy.typing import NDArray

AT_ONCE = 128
"""How many neighbouring trials are prepared together."""

_WORD = 2**32
_POOL = 4
"""Words of 32 bits that `SeedSequence` mixes all entropy into."""

_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_LEFT, _MIX_RIGHT = 0xCA01F9DD, 0x4973F715
_SHIFT = 16

Words = NDArray[np.uint32]


def generator(seed: int, number: int) -> Generator:
    """Return ``Generator(PCG64(SeedSequence(seed, spawn_key=(number,))))``, sooner.

    Parameters
    ----------
    seed : int
        Not negative.
    number : int
        Of a trial.
    """
    block, place = divmod(number, AT_ONCE)
    prepared = _Prepared(seed, number, _states(seed, block)[place])
    return Generator(PCG64(prepared))  # type: ignore[arg-type]  # NumPy's stubs forget the interface


class _Prepared(ISpawnableSeedSequence):
    """A `SeedSequence` of which the words that seed `PCG64` are there already."""

    def __init__(self, seed: int, number: int, state: NDArray[np.uint64]) -> None:
        self._seed = seed
        self._number = number
        self._state = state
        self._sequence: SeedSequence | None = None

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[Any]:
        if n_words == self._state.size and dtype is np.uint64:
            return self._state
        return self._whole().generate_state(n_words, dtype)

    def spawn(self, n_children: int) -> list[Any]:
        return self._whole().spawn(n_children)

    def _whole(self) -> SeedSequence:
        if self._sequence is None:  # it counts the children that it has
            self._sequence = SeedSequence(self._seed, spawn_key=(self._number,))
        return self._sequence


@lru_cache(maxsize=32)
def _states(seed: int, block: int) -> NDArray[np.uint64]:
    """Return the four words that seed each of a block of generators, ``(AT_ONCE, 4)``."""
    numbers = range(block * AT_ONCE, (block + 1) * AT_ONCE)
    if numbers[-1] >= _WORD:  # a number of two words: nobody has so many trials
        sequences = (SeedSequence(seed, spawn_key=(number,)) for number in numbers)
        return np.array([sequence.generate_state(_POOL, np.uint64) for sequence in sequences])
    words = max(_POOL, -(-seed.bit_length() // 32))
    pool = SeedSequence(seed).pool[:, None]
    # So often has the hash been taken for the seed alone: its constant has moved on.
    value = _hashed(np.array(numbers, np.uint32), _INIT_A, _MULT_A, _POOL * words, _POOL)
    mixed = _MIX_LEFT * pool - _MIX_RIGHT * value
    mixed ^= mixed >> _SHIFT
    state = _hashed(np.tile(mixed, (2, 1)), _INIT_B, _MULT_B, 0, 2 * _POOL)
    return state.T.astype("<u4", order="C").view("<u8").astype(np.uint64)


def _hashed(values: Words, initial: int, factor: int, taken: int, times: int) -> Words:
    """Return hashes of some words, by `times` constants in a row, ``(times, n)``."""
    powers = [initial * pow(factor, taken + i, _WORD) % _WORD for i in range(times + 1)]
    constants = np.array(powers, np.uint32)[:, None]
    hashes = (values ^ constants[:-1]) * constants[1:]
    hashes ^= hashes >> _SHIFT
    return hashes
