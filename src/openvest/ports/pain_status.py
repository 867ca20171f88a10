"""What a bank says of a file of ours: pain.002 status reports.

A report is taken whole or refused whole. What it accepts moves nothing: that a payment was made is told by statements.

Source: ISO 20022 pain.002.001.03 and .10, as far as they are read here: the message that is answered, its status, and
those of its payments, which stand at the same places in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openvest.ports.camt import StatementRefused, document_of, names_of

REPORTS = ("pain.002.001.03", "pain.002.001.10")
ACCEPTED = frozenset("ACCC ACCP ACSC ACSP ACTC ACWC PART PDNG RCVD".split())
REJECTED = "RJCT"
NO_REASON = "MS03"
"""What ISO 20022 calls a reason that a bank does not give."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a bank does not do, and its reason: one payment, or all of a batch, or all of the file."""

    line: int
    batch_id: str | None
    end_to_end_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The answer to a file of this name."""

    message_id: str
    refusals: tuple[Refusal, ...]


def is_report(content: bytes) -> bool:
    """Raises: StatementRefused for what is no document at all."""
    return document_of(content)[1] in REPORTS


def read_report(content: bytes) -> StatusReport:
    """Raises: StatementRefused."""
    document, kind = document_of(content)
    names = names_of(kind)

    def text(node: Any, *paths: str) -> str | None:
        found = (one for path in paths for one in node.xpath(path, namespaces=names))
        return next(((one.text or "").strip() for one in found), None)

    def refusal(node: Any, status: str, batch_id: str | None, end_to_end_id: str | None) -> Iterator[Refusal]:
        said = text(node, status)
        if said is not None and said != REJECTED and said not in ACCEPTED:
            raise StatementRefused(f"line {node.sourceline}: {said} is no status of a payment")
        if said == REJECTED:
            reason = text(node, "c:StsRsnInf/c:Rsn/c:Cd", "c:StsRsnInf/c:Rsn/c:Prtry") or NO_REASON
            yield Refusal(node.sourceline, batch_id, end_to_end_id, reason)

    def refusals(report: Any) -> Iterator[Refusal]:
        for group in report.xpath("c:OrgnlGrpInfAndSts", namespaces=names):
            yield from refusal(group, "c:GrpSts", None, None)
        for batch in report.xpath("c:OrgnlPmtInfAndSts", namespaces=names):
            batch_id = text(batch, "c:OrgnlPmtInfId") or ""
            yield from refusal(batch, "c:PmtInfSts", batch_id, None)
            for payment in batch.xpath("c:TxInfAndSts", namespaces=names):
                yield from refusal(payment, "c:TxSts", batch_id, text(payment, "c:OrgnlEndToEndId") or "")

    for report in document.xpath("c:CstmrPmtStsRpt", namespaces=names):
        message_id = text(report, "c:OrgnlGrpInfAndSts/c:OrgnlMsgId")
        if message_id:
            return StatusReport(message_id, tuple(refusals(report)))
    raise StatementRefused("line 1: it does not say which file it answers")
