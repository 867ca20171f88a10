"""From a snapshot to what a contract shows, by the names of the view's fields."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from openvest.core.snapshots import Json, Snapshot

Mapper = Callable[[Snapshot], Json]


def shown(view: type[BaseModel], **named: Mapper | str) -> Mapper:
    """The mapper that fills a view's fields, in their order, from the snapshot's fields of the same names.

    `named` says what differs: the name of another field of the snapshot, or a function of the snapshot. A field that a
    view need not have is left out where its value is None.
    Raises: TypeError where `named` names no field of the view; KeyError, at a snapshot without a field that is shown.
    """
    fields = {name: field.is_required() for name, field in view.model_fields.items()}
    if strange := named.keys() - fields.keys():
        raise TypeError(f"{view.__name__} has no field {', '.join(sorted(strange))}")
    sources = {name: named.get(name, name) for name in fields}

    def mapper(snapshot: Snapshot) -> Json:
        values = {
            name: snapshot[source] if isinstance(source, str) else source(snapshot) for name, source in sources.items()
        }
        return {name: value for name, value in values.items() if value is not None or fields[name]}

    return mapper
