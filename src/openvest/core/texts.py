"""What a name or a line of an address may be made of: something that is seen, in one line that reads as it is written.

Letters of every script, marks, emoji and joiners within a word are nobody's business. What is refused makes two names
look the same, or one look like nothing: controls and line breaks, which tear lists and letters; embeddings, overrides
and isolates of direction, which show a text in another order than it has; and text without anything to see.
"""

from __future__ import annotations

import unicodedata

_TORN = frozenset({"Cc", "Zl", "Zp"})
_TURNED = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol by their category, of which fonts show nothing: fillers of Hangul and the empty braille cell."""
_SEEN = frozenset("LNPS")


def plain_line(value: str) -> str:
    """Text in one line that reads in its own order; it may be empty. Raises: ValueError."""
    if any(unicodedata.category(character) in _TORN for character in value):
        raise ValueError("has no line break and no control character")
    if not _TURNED.isdisjoint(value):
        raise ValueError("has no character that turns the direction of the text")
    return value


def visible_line(value: str) -> str:
    """A plain line with something to see: a letter, a digit, a sign; marks and spaces alone show nothing.

    Raises: ValueError.
    """
    plain_line(value)
    if not any(unicodedata.category(one)[0] in _SEEN and one not in _BLANK for one in value):
        raise ValueError("has a visible character")
    return value
