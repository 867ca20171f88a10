"""How values of the domain are called in a contract: tables that refuse to have a gap.

A contract that has words of its own declares each of its tables with `Names`. Who adds a status to the domain is told,
when the module is imported, that the contract has no word for it.

Source: CONTRACTS.md rule 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast, get_args

D = TypeVar("D", bound=str)
L = TypeVar("L", bound=str)


@dataclass(frozen=True, slots=True)
class Names(Generic[D, L]):
    """The words of a contract for the values of a domain type.

    Shape: `domain` and `contract` are the two lists of values, as Literal types or sequences. `words` has the word of
    each domain value; `untold` has the others, and why the contract never shows them. Words of the contract that no
    value has by itself are in `decided`, with the fact that decides between them and another, or in `later`, with the
    feature that brings them.
    Raises: TypeError for a value without a word and a word without a value.
    """

    domain: Any
    contract: Any
    words: Mapping[D, L]
    untold: Mapping[str, str] = field(default_factory=dict[str, str])
    decided: Mapping[str, str] = field(default_factory=dict[str, str])
    later: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        _same("the domain's values", _values(self.domain), [*self.words, *self.untold])
        unnamed = [*self.decided, *self.later]
        _same("the contract's words", _values(self.contract), [*dict.fromkeys(self.words.values()), *unnamed])

    def __getitem__(self, value: D) -> L:
        return self.words[value]

    def behind(self, word: L) -> list[D]:
        """The domain values of a word, for filters."""
        return [value for value, name in self.words.items() if name == word]


def _values(kind: Any) -> list[str]:
    return list(cast("Iterable[str]", get_args(kind) or kind))


def _same(what: str, known: list[str], said: list[str]) -> None:
    if missing := [value for value in known if value not in said]:
        raise TypeError(f"Of {what} these are not in the table: {', '.join(missing)}.")
    if strange := [value for value in said if value not in known or said.count(value) > 1]:
        raise TypeError(f"Among {what} are none or several of: {', '.join(dict.fromkeys(strange))}.")
