"""What banks tell of our accounts: camt.053 statements and camt.054 notifications, read against the published schema.

A file is taken whole or refused whole, with the line and the reason. Nothing outside the file is read: a document type,
and with it every entity, is refused.

Source: ISO 20022 camt.053.001.02 and .08, camt.054.001.02 and .08 (`schemas`, as ISO publishes them).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from openvest.core.banking import LineKind, Party
from openvest.core.money import ZERO

etree: Any = import_module("lxml.etree")  # it has no types
KNOWN = ("camt.053.001.02", "camt.053.001.08", "camt.054.001.02", "camt.054.001.08")
_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"


class StatementRefused(Exception):
    """A file that is not taken; the text says where and why."""


@dataclass(frozen=True, slots=True)
class StatedLine:
    """One payment of a statement. `reference` is the bank's, unique for the account."""

    line: int
    reference: str
    kind: LineKind
    amount: Decimal
    currency: str
    booking_on: date
    value_on: date
    account_iban: str
    end_to_end_id: str
    counterparty: Party | None
    remittance_information: str
    return_reason: str | None
    transaction_code: str
    purpose_code: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a bank says of one account."""

    iban: str
    lines: tuple[StatedLine, ...]


def read_statements(content: bytes) -> list[Statement]:
    """All statements of a file. Raises: StatementRefused."""
    document, kind = document_of(content)
    if kind not in KNOWN:
        raise StatementRefused(f"line 1: it is none of {', '.join(KNOWN)}")
    schema = _schema(kind)
    if not schema.validate(document):
        first = schema.error_log[0]
        raise StatementRefused(f"line {first.line}: {first.message}")
    reader = _Reader(names_of(kind))
    return [reader.statement(node) for node in reader.all(document, "*/c:Stmt | */c:Ntfctn")]


def document_of(content: bytes) -> tuple[Any, str]:
    """The root of a document and which message it is, such as camt.053.001.08. Raises: StatementRefused."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False)
    try:
        document: Any = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise StatementRefused(f"line {error.lineno or 1}: {error.msg}") from error
    if document.getroottree().docinfo.doctype:
        raise StatementRefused("line 1: a document type is declared; it is not read")
    return document, (etree.QName(document).namespace or "").removeprefix(_NAMESPACE)


def names_of(kind: str) -> dict[str, str]:
    """How paths name the elements of a message."""
    return {"c": f"{_NAMESPACE}{kind}"}


@cache
def _schema(kind: str) -> Any:
    return etree.XMLSchema(etree.fromstring((files("openvest.ports") / "schemas" / f"{kind}.xsd").read_bytes()))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads nodes of one namespace."""

    names: dict[str, str]

    def all(self, node: Any, path: str) -> list[Any]:
        return node.xpath(path, namespaces=self.names)

    def text(self, node: Any, *paths: str) -> str | None:
        """The text of the first of these paths that is there."""
        for path in paths:
            for found in self.all(node, path):
                return (found.text or "").strip()
        return None

    def statement(self, node: Any) -> Statement:
        iban = self.text(node, "c:Acct/c:Id/c:IBAN")
        if iban is None:
            raise StatementRefused(f"line {node.sourceline}: the account has no IBAN")
        entries = [one for one in self.all(node, "c:Ntry") if self.text(one, "c:Sts/c:Cd", "c:Sts") == "BOOK"]
        self._check_balances(node, entries)
        lines = tuple(line for entry in entries for line in self.lines(entry, iban))
        return Statement(iban, lines)

    def _check_balances(self, node: Any, entries: list[Any]) -> None:
        """Opening balance and entries make the closing balance, and the total is theirs, where the bank says them."""
        found = {self.text(one, "c:Tp/c:CdOrPrtry/c:Cd"): one for one in self.all(node, "c:Bal")}
        opening, closing = found.get("OPBD", found.get("PRCD")), found.get("CLBD")
        moved = sum((self._signed(entry) for entry in entries), ZERO)
        if opening is not None and closing is not None and self._signed(opening) + moved != self._signed(closing):
            raise StatementRefused(f"line {closing.sourceline}: the entries do not make the closing balance")
        total = self.text(node, "c:TxsSummry/c:TtlNtries/c:Sum")
        if total is not None and Decimal(total) != sum((abs(self._signed(entry)) for entry in entries), ZERO):
            raise StatementRefused(f"line {node.sourceline}: the entries do not make the total")

    def _signed(self, node: Any) -> Decimal:
        amount = Decimal(self.text(node, "c:Amt") or "0")
        return amount if self.text(node, "c:CdtDbtInd") == "CRDT" else -amount

    def lines(self, entry: Any, iban: str) -> Iterator[StatedLine]:
        """The payments of an entry: its details, or itself where it has none."""
        details = self.all(entry, "c:NtryDtls/c:TxDtls")
        reference = self.text(entry, "c:AcctSvcrRef", "c:NtryRef")
        if len(details) <= 1:
            yield self._line(entry, details[0] if details else entry, iban, reference, self._signed(entry))
            return
        amounts = [self.text(one, "c:Amt", "c:AmtDtls/c:TxAmt/c:Amt") for one in details]
        if None in amounts or sum((Decimal(one or "0") for one in amounts), ZERO) != abs(self._signed(entry)):
            raise StatementRefused(f"line {entry.sourceline}: the payments of a batch do not make its amount")
        sign = 1 if self._signed(entry) > 0 else -1
        for number, (one, amount) in enumerate(zip(details, amounts, strict=True), 1):
            own = self.text(one, "c:Refs/c:AcctSvcrRef") or (None if reference is None else f"{reference}/{number}")
            yield self._line(entry, one, iban, own, sign * Decimal(amount or "0"))

    def _line(self, entry: Any, one: Any, iban: str, reference: str | None, signed: Decimal) -> StatedLine:
        booked = self._day(entry, "BookgDt")
        if not reference or booked is None or not signed:
            raise StatementRefused(f"line {entry.sourceline}: an entry without reference, booking date or amount")
        if signed != round(signed, 2):
            raise StatementRefused(f"line {entry.sourceline}: an amount with parts of a cent")
        credit = signed > 0
        theirs, ours = ("Dbtr", "Cdtr") if credit else ("Cdtr", "Dbtr")
        end_to_end_id = self.text(one, "c:Refs/c:EndToEndId") or ""
        code = [self.text(entry, f"c:BkTxCd/c:Domn/{path}") for path in ("c:Cd", "c:Fmly/c:Cd", "c:Fmly/c:SubFmlyCd")]
        return StatedLine(
            line=entry.sourceline,
            reference=reference,
            kind="CREDIT" if credit else "DEBIT",
            amount=abs(signed),
            currency=self.all(entry, "c:Amt")[0].get("Ccy"),
            booking_on=booked,
            value_on=self._day(entry, "ValDt") or booked,
            account_iban=self.text(one, f"c:RltdPties/c:{ours}Acct/c:Id/c:IBAN") or iban,
            end_to_end_id="" if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
            counterparty=self._party(one, theirs),
            remittance_information=" ".join(n.text or "" for n in self.all(one, "c:RmtInf/c:Ustrd")),
            return_reason=self.text(one, "c:RtrInf/c:Rsn/c:Cd", "c:RtrInf/c:Rsn/c:Prtry"),
            transaction_code="-".join(part for part in code if part),
            purpose_code=self.text(one, "c:Purp/c:Cd"),
        )

    def _day(self, entry: Any, name: str) -> date | None:
        """The day of an instant or of a date, of which the schema knows later ones than we do."""
        text = self.text(entry, f"c:{name}/c:Dt", f"c:{name}/c:DtTm")
        try:
            return None if text is None else date.fromisoformat(text[:10])
        except ValueError:
            raise StatementRefused(f"line {entry.sourceline}: {text} is no day of a calendar") from None

    def _party(self, one: Any, role: str) -> Party | None:
        iban = self.text(one, f"c:RltdPties/c:{role}Acct/c:Id/c:IBAN")
        if iban is None:
            return None
        name = self.text(one, f"c:RltdPties/c:{role}/c:Nm", f"c:RltdPties/c:{role}/c:Pty/c:Nm")
        agent = f"c:RltdAgts/c:{role}Agt/c:FinInstnId"
        return Party(name or "", iban, self.text(one, f"{agent}/c:BICFI", f"{agent}/c:BIC"))
