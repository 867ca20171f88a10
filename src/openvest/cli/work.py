"""Operator commands about work that was set aside: see it, let it be tried again, end it for good."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from openvest.cli.failures import Failed
from openvest.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir, OnlyTenant

if TYPE_CHECKING:
    from openvest.db.unit import Unit
    from openvest.declarations import DeadLetterKind
    from openvest.features.tenants.model import ListedTenant
    from openvest.main.installation import Installation
    from openvest.work.dead_letters import DeadLetter

work = typer.Typer(
    no_args_is_help=True,
    help="See work that could not be decided and was set aside; retry it, or end it for good.",
)
Ids = Annotated[
    list[UUID] | None, typer.Argument(metavar="[ID]…", help="The ids that work list shows.", show_default=False)
]
OfWork = Annotated[
    str | None,
    typer.Option("--work", metavar="NAME", help="Only what was set aside of this work, as work list names it."),
]


@work.command("list", epilog="Example: openvest work list --json")
def list_work(tenant: OnlyTenant = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """List what was set aside: which work, which object, why, since when, and what became of it.

    A row is set aside when a rule raises or its data does not fit; what the database or the machine does is tried again
    by itself and is never listed. While a row waits, its object stands still: retry it once the cause is repaired, or
    drop it.
    """
    from openvest.cli.operator_session import chosen_tenants, inside

    async def look(installation: Installation) -> list[tuple[ListedTenant, list[DeadLetter]]]:
        found = await chosen_tenants(installation, tenant)
        return [(one, await _rows(installation, one)) for one in found]

    def show(found: list[tuple[ListedTenant, list[DeadLetter]]]) -> None:
        if as_json:
            lines = [{"tenant": one.name, **asdict(row), "state": _state(row)} for one, rows in found for row in rows]
            typer.echo(json.dumps(lines, default=str, indent=2))
            return
        _print([(one.name, row) for one, rows in found for row in rows])

    inside(data_dir, look, show)


@work.command("retry", epilog="Example: openvest work retry 0197… or openvest work retry --all --work orders.check")
def retry_work(
    ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All that waits, instead of naming ids.")] = False,
    of_work: OfWork = None,
    tenant: OnlyTenant = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Let the work take these rows again; what still cannot be decided is set aside anew.

    Repair the cause first: a newer version of OpenVest, or the data.
    """
    from openvest.work.dead_letters import retry

    async def again(unit: Unit, kind: DeadLetterKind | None, row: DeadLetter) -> None:
        await retry(unit, kind, row)

    _for_each(data_dir, tenant, ids or [], everything, of_work, again, "will be tried again")


@work.command("drop", epilog="Example: openvest work drop 0197… --by 'A. Operator'")
def drop_work(
    ids: Ids = None,
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who decides it; kept with the row.", show_default="your login")
    ] = "",
    of_work: OfWork = None,
    tenant: OnlyTenant = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """End the work of these rows for good, each in the way its object knows.

    An order is cancelled (CANCELLED_BY_UPVEST_PLATFORM) and its lock returned, a check or a data change has failed, a
    bank line's money goes to suspense. What the venue has traded, and what is being settled, cannot be dropped.
    """
    from openvest.work.dead_letters import drop

    who = by or getpass.getuser()

    async def end(unit: Unit, kind: DeadLetterKind | None, row: DeadLetter) -> None:
        await drop(unit, kind, row, who)

    _for_each(data_dir, tenant, ids or [], False, of_work, end, "dropped")


def _for_each(
    data_dir: Any, tenant: str | None, ids: list[UUID], everything: bool, of_work: str | None, act: Any, done: str
) -> None:
    """Do something with each named row, in a unit of its own. Raises: Failed where one is not there or cannot be."""
    from openvest.cli.operator_session import chosen_tenants, inside

    if everything == bool(ids):
        raise Failed("No row is named." if not ids else "Name ids or give --all, not both.", "openvest work list")

    async def change(installation: Installation) -> tuple[int, list[str]]:
        from openvest.catalog import DEAD_LETTER_KINDS
        from openvest.declarations import WorkKept
        from openvest.work.dead_letters import by_sweep

        known, count, refused, missing = by_sweep(DEAD_LETTER_KINDS), 0, list[str](), set(ids)
        for one in await chosen_tenants(installation, tenant):
            for row in await _rows(installation, one):
                if (row.row_id not in ids and not everything) or of_work not in (None, row.sweep):
                    continue
                missing.discard(row.row_id)
                kind = known.get(row.sweep)
                try:
                    await installation.assembled.database.write(
                        one.tenant_id, lambda unit, kind=kind, row=row: act(unit, kind, row)
                    )
                    count += 1
                except WorkKept as kept:
                    refused.append(f"{row.row_id} ({row.sweep}): {kept}")
        return count, [*refused, *(f"{row_id} was not set aside" for row_id in sorted(missing))]

    def show(found: tuple[int, list[str]]) -> None:
        count, refused = found
        typer.echo(f"{count} {'row' if count == 1 else 'rows'} {done}")
        for sentence in refused:
            typer.echo(f"  {sentence}", err=True)

    _, refused = inside(data_dir, change, show)
    if refused:
        raise Failed("Not all of it could be done.", "openvest work list")


async def _rows(installation: Installation, one: ListedTenant) -> list[DeadLetter]:
    from openvest.catalog import DEAD_LETTERS
    from openvest.work.dead_letters import list_dead_letters

    return await installation.assembled.database.read(one.tenant_id, lambda unit: list_dead_letters(unit, DEAD_LETTERS))


def _state(row: DeadLetter) -> str:
    """waiting: somebody has to look; dropped: somebody has; over: its object went another way meanwhile."""
    if row.dropped_by is not None:
        return "dropped"
    return "waiting" if row.is_open else "over"


def _print(found: list[tuple[str, DeadLetter]]) -> None:
    from openvest.catalog import DEAD_LETTER_KINDS
    from openvest.cli.tables import print_table

    if not found:
        typer.echo("nothing was set aside")
        return
    nouns = {kind.sweep: kind.noun for kind in DEAD_LETTER_KINDS}
    print_table(
        ("tenant", "id", "work", "what it is", "state", "since", "error"),
        [
            (
                name,
                str(row.row_id),
                row.sweep,
                nouns.get(row.sweep, ""),
                f"{_state(row)} by {row.dropped_by}" if row.dropped_by else _state(row),
                f"{row.created_at:%Y-%m-%d %H:%M:%S}",
                row.error,
            )
            for name, row in found
        ],
    )
