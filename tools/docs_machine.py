"""The pages about how things live here: states, scenarios of the sandbox, files that are imported."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.catalog import LIFECYCLES
from openvest.core.lifecycle import Lifecycle
from openvest.core.table_files import Column
from openvest.features.instruments.model import BAR_COLUMNS, INSTRUMENT_COLUMNS, QUOTE_COLUMNS
from openvest.simulation.fills import CANCELLED_ISIN, SEVERAL_ISIN
from openvest.simulation.market.sandbox import EVERY_OTHER, FIXED, RANDOM_ISIN
from openvest.simulation.scenarios import SCENARIOS
from tools.markdown import page, table


def states_page(known: Sequence[Lifecycle] = LIFECYCLES) -> str:
    """Every lifecycle as a table and as a diagram."""
    parts = [
        "What kinds of objects there are, the states each can be in, and the verbs that lead from one to the next. A"
        " verb that has no row for a state is refused there with `conflict`. The same lists stand in the CHECK"
        " constraints of the database; a test compares them."
    ]
    for life in known:
        parts += [f"## {life.noun}", _ends(life), _moves(life), diagram(life)]
    return page("States", *parts)


def _ends(life: Lifecycle) -> str:
    born = " or ".join(f"`{state}`" for state in life.born)
    ends = ", ".join(f"`{state}`" for state in sorted(life.ends))
    return f"Column `{life.table}`. Born {born}. " + (f"Final: {ends}." if ends else "No state is final.")


def _moves(life: Lifecycle) -> str:
    rows = ((f"`{before}`", verb, f"`{after}`") for (before, verb), after in life.moves.items())
    return table(("from", "verb", "to"), rows)


def diagram(life: Lifecycle) -> str:
    """The life as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "  direction LR"]
    lines += [f"  [*] --> {state}" for state in life.born]
    lines += [f"  {before} --> {after}: {verb}" for (before, verb), after in life.moves.items()]
    lines += [f"  {state} --> [*]" for state in sorted(life.ends)]
    return "\n".join([*lines, "```"])


# Scenarios


def scenarios_page() -> str:
    """What the simulated outside world can be told to do, and the prices it has for the sandbox's instruments."""
    fixed = [(f"`{isin}`", str(bid), str(offer)) for isin, (bid, offer) in FIXED.items()]
    return page(
        "Scenarios of the sandbox",
        '`POST /tests/scenarios` lays a scenario: `{"name": NAME, "on": {"account_id" | "user_id" |'
        ' "client_reference": …}, "times": N}`. The next N objects of its kind that match use it up, the oldest'
        " scenario first; objects that went out before it was laid are not touched. A production installation"
        " refuses all of this.",
        table(
            ("name", "acts on the next", "what happens"),
            ((f"`{one.name}`", one.kind.replace("_", " "), one.description) for one in SCENARIOS),
        ),
        "## Prices of the sandbox",
        "At the pace `instant` a BUY executes at the offer and a SELL at the bid of this table, at once. Several bids"
        " stand above their offers: that is how the reference publishes them. At the pace `calendar` imported prices"
        " come first, then this table, then the simulated path.",
        table(("ISIN", "bid", "offer"), fixed),
        f"`{RANDOM_ISIN}` has prices that change every five minutes, from 50 to 151, equal for equal seeds. Every other"
        f" ISIN stands at {EVERY_OTHER[0]} / {EVERY_OTHER[1]} at the pace `instant`.",
        f"An order for `{SEVERAL_ISIN}` is filled in one to five executions: one below 101 in value, two below 201,"
        f" three below 301, four below 401, else five. One for `{CANCELLED_ISIN}` is cut up in the same way, at"
        " least in two, and cancelled before the last part.",
    )


# Imports


def imports_page() -> str:
    """The columns of the files that can be imported."""
    return page(
        "Imports",
        "Both imports take CSV files in UTF-8, with or without a byte-order mark, with a header line, commas between"
        " columns and decimals with a point; columns may stand in any order. An empty line, a row of empty cells and a"
        " column without a name and without content are passed over. A file is taken whole or not at all: every error"
        " is listed with its line and column, and with one error nothing is imported. Another encoding, another"
        " separator and decimal commas are said once for the file.",
        "## Instruments",
        "`openvest instruments import FILE.csv` adds instruments and changes those it knows. Every tenant is told by"
        " events of the category `INSTRUMENT`; a line that says what is known changes and tells nothing. A venue that a"
        " line does not name stays, behind those it names. Open orders that do not fit any more are cancelled.",
        columns(INSTRUMENT_COLUMNS),
        "## Which prices count",
        "At the pace `calendar` a trading day for which a listing has imported rows has their prices alone: its quotes"
        " where there are any, else its bars of the smallest interval. A day without a row, before the first import,"
        " between two or after the last, is simulated: from the first import on the path begins at the last imported"
        " close before that day, moves overnight and goes on until the next imported day. So an order never waits for"
        " the next import, and what is imported for a day changes no price before that day.",
        "Nothing is traded outside a session. The part of a bar that lies before the opening or after the close counts"
        " at that instant: an hourly bar that begins at 17:00 is the last half hour at Xetra, and a closing auction's"
        " bar of 17:35 is the close. Of quotes before the opening the last one stands there; quotes after the close"
        " fill nothing and are the latest price. The price of the evening is the day's close.",
        "## Prices: bars",
        "`openvest prices import FILE.csv` with these columns brings bars (open, high, low, close).",
        columns(BAR_COLUMNS),
        "## Prices: quotes",
        "`openvest prices import FILE.csv` with these columns brings quotes.",
        columns(QUOTE_COLUMNS),
    )


def columns(wanted: Sequence[Column]) -> str:
    """Import columns as a table."""
    rows = ((f"`{one.name}`", "yes" if one.required else "", one.description) for one in wanted)
    return table(("column", "required", "what it holds"), rows)
