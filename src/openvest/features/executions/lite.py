"""Executions in lite: their events. They are read of an order, so the operation is that of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openvest.core.lite import EventObjectView, event_object
from openvest.core.naming import Names
from openvest.declarations import Representation
from openvest.features.executions.model_lite import STATES

REPRESENTATIONS: Mapping[str, Representation] = {
    "execution": Representation(event_object("EXECUTION"), EventObjectView),
}
TOLD = {f"EXECUTION.{status}": f"EXECUTION.{state}" for status, state in STATES.words.items()}
NAMES: Sequence[Names[Any, Any]] = (STATES,)
