"""Crash points: named places around every durable step, at which a test lets a process end at once, or stop.

Each is declared when its module is imported and called where it stands. A process in which none is armed, as every one
is unless it was started for that, pays one look at an attribute.
"""

from __future__ import annotations

from collections.abc import Callable

_DECLARED: dict[str, Failpoint] = {}


class UnknownFailpoint(ValueError):
    """There is no crash point of this name, or it was not written as NAME, NAME@WORK or one of them with :N."""


class Failpoint:
    """One place. `end` is what happens there, or None."""

    __slots__ = ("end", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.end: Callable[[str], None] | None = None

    def __call__(self, of: str = "") -> None:
        """Pass the place. `of` names the work it is passed for, where one place serves many."""
        if self.end is not None:
            self.end(of)


def failpoint(name: str) -> Failpoint:
    """Declare a place. Raises: ValueError where the name is taken."""
    if name in _DECLARED:
        raise ValueError(f"two crash points are called {name}")
    declared = _DECLARED[name] = Failpoint(name)
    return declared


def declared() -> tuple[str, ...]:
    """The names of all places in the modules imported so far."""
    return tuple(sorted(_DECLARED))


def arm(text: str, end: Callable[[], None]) -> None:
    """Let `end` be called at the first hit of a place, or with `NAME:N` at the N-th.

    `NAME@WORK` counts only where it is passed for this work. Raises: UnknownFailpoint.
    """
    where, _, number = text.partition(":")
    name, _, only = where.partition("@")
    place = _DECLARED.get(name)
    if place is None:
        raise UnknownFailpoint(f"there is no crash point {name}; there are {', '.join(declared())}")
    if number and not (number.isascii() and number.isdigit() and int(number)):
        raise UnknownFailpoint(f"{text} names no hit; write {name} or {name}:3")
    left = int(number or 1)

    def hit(of: str) -> None:
        nonlocal left
        if only and of != only:
            return
        left -= 1
        if left == 0:
            end()

    place.end = hit
