"""Work of cash balance transfers that is due: those whose time has come are booked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Sweep
from openvest.features.accounts import service as accounts
from openvest.features.cash_transfers import rules, service, store
from openvest.features.cash_transfers.model import Transfer


async def claim_transfers(unit: Unit, limit: int) -> list[Transfer]:
    """Transfers that are due, locked."""
    return await unit.rows(store.CLAIM_DUE, unit.tenant_id, unit.now, limit)


async def book_transfers(unit: Unit, transfers: Sequence[Transfer]) -> None:
    """Bring the money to the other group, or give it back where a group does not take part any more.

    Writes: cash_balance_transfers, CASH_BALANCE_TRANSFER.…, cash_transactions, the ledger.
    """
    pairs = [(transfer.source_account_group_id, transfer.target_account_group_id) for transfer in transfers]
    groups = await accounts.account_groups_for_share(unit, [group_id for pair in pairs for group_id in pair])
    verbs = [rules.verb_when_due(groups[source_id], groups[target_id]) for source_id, target_id in pairs]
    await service.finish_transfers(unit, list(zip(transfers, verbs, strict=True)))


async def end_transfer(unit: Unit, transfer_id: UUID) -> None:
    """A transfer that cannot be booked gives its money back. Writes: cash_balance_transfers, the ledger."""
    transfer = await unit.row(store.ISSUED_FOR_UPDATE, unit.tenant_id, transfer_id)
    if transfer is not None:
        await service.finish_transfers(unit, [(transfer, "cancel")])


SWEEPS: list[Sweep] = [
    Sweep("cash_transfers.book", claim_transfers, book_transfers, store.NEXT_DUE, Phase.MONEY),
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "cash_transfers.book",
        "cash balance transfer",
        "cash_balance_transfers t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'ISSUED'",
        end_transfer,
    )
]
