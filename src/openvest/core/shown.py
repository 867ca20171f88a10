"""From one form of a thing to the next by the names of fields: body to domain, row to domain, domain to view.

What is made here is made once, where a module names it, and refuses there what does not fit: who adds a field to one
side and forgets the other is told when the module is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from types import UnionType
from typing import Any, Protocol, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from openvest.core.records import values_getter
from openvest.core.schema import Shown, View
from openvest.core.snapshots import Json, Snapshot, snapshot_of, snapshot_value

Source = str | Callable[[Any], Any]
"""Where a value comes from if not from the field of the same name: another field, or a function of the whole."""
T = TypeVar("T", covariant=True)
S = TypeVar("S", contravariant=True)
_Step = tuple[str, str | None, Callable[[Any], Json] | None, bool]
"""A field of the view, the field that is read (None: all), what is made of it, and whether None is shown."""


def each_shown(rows: Iterable[Any], mapper: Callable[[Any], Json]) -> list[Json]:
    """Rows as a mapper shows them: one of `shown` without a snapshot between."""
    if isinstance(mapper, ViewMapper):
        return [mapper(row) for row in rows]
    return [mapper(snapshot_of(row)) for row in rows]


def shown(view: type[BaseModel], row: type[Any], **named: Source) -> ViewMapper:
    """How a snapshot of `row`, or a row itself, is shown as `view`: each field from the row's field of the same name.

    How a value is written follows from the view's type (`Shown`, such as cents), a view within it is shown in the same
    way, and what a view need not have is left out where it is None. A function is given the snapshot. What is left of a
    row as it is, the encoder writes as a snapshot has it.
    Raises: TypeError for a field that comes from nowhere.
    """
    _check(f"{view.__name__} shown of {row.__name__}", list(view.model_fields), _names(row), named)
    return _mapper(view, named)


class ViewMapper:
    """Makes a view of a snapshot, or of a row without a snapshot between: a list has a row for each of its items."""

    __slots__ = ("_steps", "_values_of")

    def __init__(self, steps: Sequence[_Step]) -> None:
        self._steps = steps
        read = [key for _, key, _, _ in steps if key is not None]
        # Of what is made of the whole anything is read.
        self._values_of = values_getter([key or (read or ["__class__"])[0] for _, key, _, _ in steps])

    def __call__(self, thing: Any) -> Json:
        return self._of_snapshot(cast(Snapshot, thing)) if isinstance(thing, dict) else self._of_row(thing)

    def _of_snapshot(self, snapshot: Snapshot) -> Json:
        answer: dict[str, Json] = {}
        for name, key, make, required in self._steps:
            # A snapshot may be older than a field that need not be there.
            value = snapshot if key is None else snapshot[key] if required else snapshot.get(key)
            if make is not None and value is not None:
                value = make(value)
            if required or value is not None:
                answer[name] = value
        return answer

    def _of_row(self, row: Any) -> Json:
        answer: dict[str, Json] = {}
        for (name, key, make, required), value in zip(self._steps, self._values_of(row), strict=True):
            if make is not None:
                if key is None:
                    value = make(_SnapshotOf(row))
                elif value is not None:
                    value = make(value)
            if required or value is not None:
                answer[name] = value
        return answer


class _SnapshotOf(Mapping[str, Json]):
    """A row's snapshot, of which a field is made when it is asked for."""

    __slots__ = ("row",)

    def __init__(self, row: Any) -> None:
        self.row = row

    def __getitem__(self, name: str) -> Json:
        try:
            value = getattr(self.row, name)
        except AttributeError:
            raise KeyError(name) from None
        return snapshot_value(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.row.__dataclass_fields__)

    def __len__(self) -> int:
        return len(self.row.__dataclass_fields__)


def _mapper(view: type[BaseModel], named: Mapping[str, Source]) -> ViewMapper:
    return ViewMapper([(name, *_step(field, named.get(name, name))) for name, field in view.model_fields.items()])


def _step(field: FieldInfo, source: Source) -> tuple[str | None, Callable[[Any], Json] | None, bool]:
    """The field of a snapshot that is read (None: all of it), what is made of it, and whether None is shown."""
    if not isinstance(source, str):
        return None, source, field.is_required()
    written = next((one.write for one in field.metadata if isinstance(one, Shown)), None)
    return source, written or _within(field.annotation), field.is_required()


def _within(annotation: Any) -> Callable[[Any], Json] | None:
    """How a view within a view is shown, or many of them."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is list:
        one = _within(get_args(annotation)[0])
        return None if one is None else lambda values: [one(value) for value in values]
    return _mapper(annotation, {}) if isinstance(annotation, type) and issubclass(annotation, View) else None


class Filler(Protocol[S, T]):
    """Makes the one of the other; `beside` are the fields that were said to come from elsewhere."""

    def __call__(self, source: S, /, **beside: Any) -> T: ...


def filled(target: type[T], source: type[S], *, beside: str = "", **named: Source) -> Filler[S, T]:
    """How a dataclass is filled from another, or from a body: each field from the one of the same name.

    `beside` names fields, with blanks between, that are handed in with each call.
    Raises: TypeError for a field that comes from nowhere, and for one of a body that goes nowhere; where a function
    reads the body, what it reads is its own business.
    """
    what = f"{target.__name__} filled from {source.__name__}"
    wanted = [name for name in _names(target) if name not in beside.split()]
    properties = [name for name, part in vars(source).items() if isinstance(part, property)]
    _check(what, wanted, [*_names(source), *properties], named)
    read = {*wanted, *(one for one in named.values() if isinstance(one, str))}
    every_field_is_named = all(isinstance(one, str) for one in named.values())
    if issubclass(source, BaseModel) and every_field_is_named and (unread := source.model_fields.keys() - read):
        raise TypeError(f"{what}: {', '.join(sorted(unread))} goes nowhere.")
    values_of = _values_getter([named.get(name, name) for name in wanted])

    def filler(of: S, /, **more: Any) -> T:
        if beside:
            return target(**dict(zip(wanted, values_of(of), strict=True)), **more)
        return target(*values_of(of), **more)  # in the order of the fields, which every posting is the faster for

    return filler


def _values_getter(sources: Sequence[Source]) -> Callable[[Any], Sequence[Any]]:
    names = [one for one in sources if isinstance(one, str)]
    if len(names) == len(sources):
        return values_getter(names)
    steps = [attrgetter(one) if isinstance(one, str) else one for one in sources]
    return lambda of: [step(of) for step in steps]


def changed(
    row: type[Any], body: type[BaseModel], *, without: str = "", **named: Callable[[Any], Any]
) -> Callable[[Any], dict[str, Any]]:
    """What a body changes of a row: its fields that are given, by name; None stays as it is.

    `without` names fields of the body, with blanks between, that change nothing by themselves; `named` makes fields of
    the row from the whole body. Raises: TypeError for a field that the row has not.
    """
    same = [name for name in body.model_fields if name not in without.split()]
    _check(f"{body.__name__} as a change of {row.__name__}", [*same, *named], _names(row), {})

    def changes(said: Any) -> dict[str, Any]:
        given = {name: getattr(said, name) for name in same} | {name: make(said) for name, make in named.items()}
        return {name: value for name, value in given.items() if value is not None}

    return changes


def _names(kind: type[Any]) -> list[str]:
    """The fields of a body, a view or a dataclass."""
    if issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return [field.name for field in fields(kind)]


def _check(what: str, wanted: Iterable[str], known: Iterable[str], named: Mapping[str, Source]) -> None:
    """Raises: TypeError, naming what is wanted from nowhere and what is said of nothing."""
    if nowhere := [name for name in wanted if name not in known and name not in named]:
        raise TypeError(f"{what}: {', '.join(nowhere)} comes from nowhere.")
    if strange := [name for name in named if name not in wanted]:
        raise TypeError(f"{what}: there is no {', '.join(strange)}.")
    if absent := [source for source in named.values() if isinstance(source, str) and source not in known]:
        raise TypeError(f"{what}: there is no {', '.join(absent)} to take.")
