"""Space: what can vary in a study."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from luthier.errors import InvalidInput, InvalidSpace
from luthier.space import declare, editing, serde
from luthier.space.base import Param, exact
from luthier.space.codec import Codec
from luthier.space.composite import Derived
from luthier.space.constraints import Check
from luthier.space.counting import count, is_finite
from luthier.space.enumeration import grid
from luthier.space.structure import Structure
from luthier.space.wiring import parents, similar

_T = TypeVar("_T")


class Space(Structure):
    """What can vary: parameters, when each is active, and which combinations make sense.

    Immutable; equal to another space with the same parameters in the same order, the same
    constraints and the same settings. Functions are the same if they are equal and have the
    same name.

    Parameters
    ----------
    params : mapping from str to Param
        Names may be any text without control characters. The parents that a condition
        mentions are declared before their children.
    constraints : iterable, default ()
        Expressions, `Forbid` combinations, and functions of the params that return a bool.
        In files a function is only a name, so that two of one name are refused: name them by
        `Rule` and `Derived`.
    partial : bool, default False
        Whether rows may lack any parameter; what is missing is inactive. For studies whose
        code path decides what is asked.
    deemed : mapping, optional
        For editing, see `add`.

    Attributes
    ----------
    names : tuple of str
    constraints : tuple
    partial : bool
    callables : mapping
        The functions of constraints and derived parameters, by the names that stand for them
        in files; what `from_json` needs to make the same space again.

    Raises
    ------
    InvalidSpace
        If the parts do not fit together.

    Examples
    --------
    >>> space = Space(
    ...     {
    ...         "optimizer": Categorical(["adam", "sgd"]),
    ...         "lr": Float(1e-5, 1e-1, log=True),
    ...         "momentum": Float(0.5, 0.999, scale="reverse_log", when={"optimizer": "sgd"}),
    ...     },
    ...     constraints=["optimizer != 'adam' or lr <= 0.01"],
    ... )
    """

    __slots__ = ("_codec", "_finite", "_has_beliefs", "_hash", "_size")

    @property
    def codec(self) -> Codec:
        """The codec of this space, made once."""
        try:
            return self._codec  # type: ignore[attr-defined,no-any-return]
        except AttributeError:
            object.__setattr__(self, "_codec", Codec(self))
            return self.codec

    @property
    def size(self) -> int | None:
        """How many distinct configurations there are.

        None if there are infinitely many, or too many to be counted: those of a space with
        constraints are listed, if there are at most a million without them; else the conditions
        may be too entangled.
        """
        try:
            return self._size  # type: ignore[attr-defined,no-any-return]
        except AttributeError:
            object.__setattr__(self, "_size", count(self))
            return self.size

    @property
    def finite(self) -> bool:
        """Whether there are finitely many configurations, even if too many to be counted.

        A parameter of infinitely many values that only constraints rule out counts as well.
        """
        try:
            return self._finite  # type: ignore[attr-defined,no-any-return]
        except AttributeError:
            object.__setattr__(self, "_finite", is_finite(self))
            return self.finite

    @property
    def has_beliefs(self) -> bool:
        """Whether an expert stated for some parameter where good values are likely."""
        try:
            return self._has_beliefs  # type: ignore[attr-defined,no-any-return]
        except AttributeError:
            stated = any(getattr(p, "belief", None) is not None for p in self.params.values())
            object.__setattr__(self, "_has_beliefs", stated)
            return stated

    @property
    def plain(self) -> bool:
        """Whether JSON gives back every value as it was, so that `restore` changes nothing."""
        return all(param.plain for param in self.params.values())

    def sample(self, rng: np.random.Generator, n: int = 1) -> list[dict[str, Any]]:
        """Draw params from the priors, feasible under the constraints.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int, default 1

        Raises
        ------
        EmptySpace
            If no configuration satisfies the constraints, or too few to be found.
        """
        if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 0:
            raise InvalidInput("n", n, "a whole number of at least 0")
        codec = self.codec
        if n == 1:
            # Most calls want one row, and a row alone is much faster without arrays.
            row = codec.decode_one(codec.draw_one(rng))
            if not self.constraints or self.satisfied(row):
                return [row]
        return codec.decode(codec.sample(rng, n))

    def grid(self, resolution: int | Mapping[str, int] | None = None) -> Iterator[dict[str, Any]]:
        """Yield every distinct configuration once, in a fixed order, the last name fastest.

        Parameters
        ----------
        resolution : int or mapping, optional
            How many values of each continuous parameter, for all or by name: evenly in the unit
            coordinate, both ends included; of a parameter without a bound, the quantiles
            ``(i + 1/2) / n`` of its prior; of a `Simplex`, so many along each edge.

        Raises
        ------
        InvalidInput
            If a continuous parameter has no resolution.
        """
        return grid(self, resolution)

    def restore(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return params as they were before JSON: lists back to tuples, infinity to a float."""
        return {
            name: serde.restore_value(self.params[name], value) if name in self.params else value
            for name, value in params.items()
        }

    def jsonable(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return params as plain, strict JSON types, from which `restore` makes them again."""
        return {name: serde.pack(value) for name, value in params.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the space as plain JSON types, in the format of `from_dict`."""
        return serde.space_to_json(self)

    @classmethod
    def from_json(
        cls,
        data: Mapping[str, Any],
        *,
        callables: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    ) -> Space:
        """Return the space that `to_json` wrote.

        Parameters
        ----------
        data : mapping
        callables : mapping, optional
            Functions by the name under which constraints and derived parameters were written.
            Where one is missing, the space can be read and fails when the function is needed.
        """
        if not isinstance(data, Mapping) or "params" not in data:
            raise InvalidSpace("space", data, "a mapping with params")
        for key in data:
            if key not in ("params", "constraints", "partial", "deemed"):
                allowed = similar(str(key), ("params", "constraints", "partial", "deemed"))
                raise InvalidSpace(f"space.{key}", data[key], allowed)
        params = serde.read_params(data["params"], callables)
        deemed = data.get("deemed", {})
        return cls(
            params,
            constraints=serde.read_constraints(data.get("constraints", []), callables),
            partial=data.get("partial", False),
            deemed={name: serde.restore_value(params[name], deemed[name]) for name in deemed},
        )

    @classmethod
    def from_dict(
        cls,
        params: Mapping[str, Any],
        *,
        constraints: Iterable[Any] = (),
        callables: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
        partial: bool = False,
    ) -> Space:
        """Make a space of nested plain dicts, as they come from YAML.

        Parameters
        ----------
        params : mapping
            ``{"lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": True}, "opt": ["adam",
            "sgd"], "epochs": 10}``: a list is a categorical, a plain value a constant.
        constraints : iterable, default ()
            Expressions, ``{"forbid": {...}}``, ``{"callable": name}``, or as for `Space`.
        callables : mapping, optional
            As for `from_json`.
        partial : bool, default False

        Raises
        ------
        InvalidSpace
            With the path of the field, such as ``"space.lr.low"``.
        """
        read = serde.read_constraints(list(constraints), callables)
        return cls(serde.read_params(params, callables), constraints=read, partial=partial)

    @classmethod
    def from_dataclass(cls, schema: type, *, constraints: Iterable[object] = ()) -> Space:
        """Make a space of the fields of a typed dataclass.

        ``Annotated[float, Float(1e-5, 1e-1, log=True)]`` gives the parameter itself; bool,
        ``Literal[...]`` and Enum fields become categoricals, an Enum by the names of its
        members. Fields of other types are not searched and need a default.
        """
        return cls(declare.params_of(schema), constraints=constraints)

    def build(self, schema: type[_T], params: Mapping[str, Any]) -> _T:
        """Return an instance of a dataclass with these values.

        A field that is inactive has its default, or None if it has none.
        """
        return declare.build(schema, params)

    def add(self, name: str, param: Param, *, deemed: Any) -> Space:
        """Return the space with one more parameter.

        Parameters
        ----------
        name : str
        param : Param
        deemed : object
            The value that trials from before are deemed to have had.
        """
        if name in self.params:
            raise InvalidSpace("space: name", name, "a name that is not taken")
        if not isinstance(param, Derived):
            return self._with({**self.params, name: param}, {**self.deemed, name: deemed})
        return self._with({**self.params, name: param}, self.deemed)

    def add_choice(self, name: str, choice: Any, *, at: int | None = None) -> Space:
        """Return the space with one more choice of a categorical, at a place or at the end."""
        return self._edited(name, editing.with_choice(name, self._param(name), choice, at))

    def widen(self, name: str, low: Any = None, high: Any = None) -> Space:
        """Return the space with wider bounds of a number."""
        return self._edited(name, editing.widened(name, self._param(name), low, high))

    def narrow(
        self,
        name: str,
        low: Any = None,
        high: Any = None,
        choices: Collection[Any] | None = None,
    ) -> Space:
        """Return the space with closer bounds of a number, or fewer choices.

        Trials from before keep their place in the unit cube.
        """
        return self._edited(name, editing.narrowed(name, self._param(name), low, high, choices))

    def freeze(self, name: str, value: Any) -> Space:
        """Return the space with one value only of a parameter."""
        return self._edited(name, editing.frozen(name, self._param(name), value))

    def remove(self, name: str) -> Space:
        """Return the space without a parameter that nothing else mentions."""
        self._param(name)
        users = [other for other, param in self.params.items() if name in parents(param)]
        users += [rule.name for rule in self.constraints if name in (rule.names or ())]
        if users:
            raise InvalidSpace(
                f"space.{name}", users, "no parameter or constraint that mentions it"
            )
        params = {other: param for other, param in self.params.items() if other != name}
        return self._with(params, {k: v for k, v in self.deemed.items() if k != name})

    def _param(self, name: str) -> Param:
        if name not in self.params:
            raise InvalidSpace("space: name", name, similar(name, self.names))
        return self.params[name]

    def _edited(self, name: str, param: Param) -> Space:
        return self._with({**self.params, name: param}, self.deemed)

    def _with(self, params: Mapping[str, Param], deemed: Mapping[str, Any]) -> Space:
        return Space(params, constraints=self.constraints, partial=self.partial, deemed=deemed)

    def _key(self) -> tuple[Any, ...]:
        deemed = tuple((name, _hashable(value)) for name, value in sorted(self.deemed.items()))
        return tuple(self.params.items()), self.constraints, self.partial, deemed

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Space) or hash(self) != hash(other):
            return False
        return self._key() == other._key()

    def __hash__(self) -> int:
        # Spaces are the keys of what samplers and histories remember, looked up at every trial.
        try:
            return self._hash  # type: ignore[attr-defined,no-any-return]
        except AttributeError:
            # Rules by their names: a function need not be hashable.
            rules = tuple(rule.name for rule in self.constraints)
            key = tuple(self.params.items()), rules, self.partial, tuple(sorted(self.deemed))
            object.__setattr__(self, "_hash", hash(key))
            return hash(self)

    def __repr__(self) -> str:
        parts = [f"    {name!r}: {param!r},\n" for name, param in self.params.items()]
        options = ""
        if self.constraints:
            shown = (repr(r.name) if isinstance(r, Check) else r.name for r in self.constraints)
            options += f", constraints=[{', '.join(shown)}]"
        if self.partial:
            options += ", partial=True"
        return f"Space({{\n{''.join(parts)}}}{options})"

    def __reduce__(self) -> tuple[Any, ...]:
        options = {
            "constraints": self.constraints,
            "partial": self.partial,
            "deemed": dict(self.deemed),
        }
        return _rebuild, (dict(self.params), options)


def _rebuild(params: dict[str, Param], options: dict[str, Any]) -> Space:
    return Space(params, **options)


def _hashable(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, dict) else exact(value)
