"""How each contract tells of events: which it has, what it calls them, and how it shows their object.

Derived once from the faces of all features. What does not fit is refused when the catalog is imported.

Source: CONTRACTS.md (its first table) and rule 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

from openvest.core.snapshots import Snapshot
from openvest.declarations import Event, EventName, Face, Representation


@dataclass(frozen=True, slots=True)
class Telling:
    """How one contract tells of one event type. Shape: `names` are all it may have there, of one `category`."""

    names: tuple[str, ...]
    category: str
    shown: Representation
    name: EventName

    def name_of(self, snapshot: Snapshot) -> str:
        """What this very event is called."""
        return self.name if isinstance(self.name, str) else self.name(snapshot)


Tellings = Mapping[str, Telling]
"""How one contract tells of events, by their type; a type that is absent is not told there."""


def category_of(name: str) -> str:
    return name.partition(".")[0]


def tellings(events: Iterable[Event], faces: Sequence[Face]) -> Tellings:
    """How the contract of these faces tells of these events.

    Raises: TypeError with a sentence for a name of no event and an object of none, an event that is told and untold,
    or told without its object, and names that are not known beforehand or of several categories.
    """
    known = {event.type: event for event in events}
    shown = {noun: one for face in faces for noun, one in face.representations.items()}
    told = {event_type: name for face in faces for event_type, name in face.told.items()}
    untold = {event_type for face in faces for event_type in face.untold}
    if strange := sorted((told.keys() | untold) - known.keys()):
        raise TypeError(f"There are no events of these names: {', '.join(strange)}.")
    if idle := sorted(shown.keys() - {event.noun for event in known.values()}):
        raise TypeError(f"No event is about these objects: {', '.join(idle)}.")
    if both := sorted(told.keys() & untold):
        raise TypeError(f"These events are told and untold: {', '.join(both)}.")
    if hidden := sorted(one for one in told if known[one].noun not in shown):
        raise TypeError(f"These events are told, and their objects are not shown: {', '.join(hidden)}.")
    return {
        event.type: telling(told.get(event.type, event.type), shown[event.noun])
        for event in known.values()
        if event.noun in shown and event.type not in untold
    }


def telling(name: EventName, shown: Representation) -> Telling:
    """Raises: TypeError where a function does not say its names, or says some of several categories."""
    names = _names(name)
    categories = dict.fromkeys(map(category_of, names))
    if len(categories) != 1:
        raise TypeError(f"These names of one event are not of one category: {', '.join(names)}.")
    return Telling(names, next(iter(categories)), shown, name)


def _names(name: EventName) -> tuple[str, ...]:
    if isinstance(name, str):
        return (name,)
    returned = get_type_hints(name).get("return")
    if get_origin(returned) is not Literal:
        raise TypeError(f"{name.__module__}.{name.__qualname__} does not return a Literal of the names it gives.")
    return get_args(returned)
