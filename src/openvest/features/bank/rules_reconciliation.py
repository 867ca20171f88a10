"""What differs between a bank's statement and our lines of the same account and days, line by line.

Source: ISO 20022 camt.053; POSTINGS.md section 9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from openvest.core.money import plain
from openvest.features.bank.model import Break, Compared


def breaks(stated: Sequence[Compared], ours: Sequence[Compared]) -> list[Break]:
    """Every difference, each line in one class, in the order of the statement; then what only we have."""
    booked = {line.reference: line for line in ours}
    times = Counter(line.reference for line in stated)
    found: list[Break] = []
    seen: set[str] = set()
    for line in stated:
        if line.reference not in seen:
            seen.add(line.reference)
            found += _of_line(line, booked.get(line.reference), times[line.reference])
    missing = [line for line in ours if line.reference not in times]
    return [*found, *(Break("MISSING_THERE", line.reference, None, _written(line)) for line in missing)]


def _of_line(stated: Compared, ours: Compared | None, times: int) -> Iterator[Break]:
    here = None if ours is None else _written(ours)
    if times > 1:
        yield Break("DOUBLE", stated.reference, f"{times} × {_written(stated)}", here)
    elif ours is None:
        yield Break("MISSING_HERE", stated.reference, _written(stated), None)
    elif (stated.signed, stated.currency) != (ours.signed, ours.currency):
        yield Break("AMOUNT", stated.reference, _written(stated), here)
    elif stated.value_on != ours.value_on:
        yield Break("VALUE_DATE", stated.reference, _written(stated), here)


def _written(line: Compared) -> str:
    return f"{plain(line.signed)} {line.currency} on {line.value_on.isoformat()}"
