"""The grid of prices: latest price, candles, touches and fills say the same of days with imported rows (R54)."""

from __future__ import annotations

from traceback import extract_tb

from tests.gates.gate import Gate, Run, Verdict
from tests.kit.import_laws import LAWS, hold


async def one_grid(run: Run) -> Verdict:
    """Every law over days and histories of rows that lie before, in and after sessions of every venue."""
    findings: list[str] = []
    for law in LAWS:
        try:
            hold(law, run["cases"], run.seed)
        except AssertionError as error:
            # The message is empty where it is no test runner's; the line that was not true says what it would.
            findings.append(f"{law.__name__}: {extract_tb(error.__traceback__)[-1].line}")
    return Verdict(f"{len(LAWS)} laws × {run['cases']} cases of imported rows", findings)


GATES = (
    Gate(
        "R54 price-grid",
        "the evening's price is the day's close, and all prices are of one grid",
        one_grid,
        push={"cases": 300},
        night={"cases": 10_000},
    ),
)
