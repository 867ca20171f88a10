"""Banks by file: what leaves fits the published schema, what comes in is taken whole or refused whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest

from openvest.core.banking import Mandate, Party
from openvest.core.ids import deterministic_id
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.features.bank import service, service_files
from openvest.features.bank.model import Break, Compared, NewBankAccount, NewInstruction
from openvest.features.bank.rules_reconciliation import breaks
from openvest.features.bank.service_files import Imported
from openvest.main import Assembled
from openvest.ports.bank import Instruction
from openvest.ports.camt import StatementRefused, read_statements
from openvest.ports.pain import FileUnsound, batches_of, debits_file, transfers_file
from tests.kit.banks import ERIKA
from tests.kit.statements import OURS, stated, statement

etree: Any = import_module("lxml.etree")  # it has no types
AT = datetime(2026, 3, 2, 13, tzinfo=UTC)
GIFT = deterministic_id("gift")
TRANSFER = Instruction(
    GIFT, GIFT, "CREDIT_TRANSFER", GIFT, None, GIFT.hex, Decimal("1234.50"), "EUR",
    Party("Äda Müßig", ERIKA.iban, None), "für_Sie & alle", "OTHR", None, date(2026, 3, 3), AT,
)  # fmt: skip
MANDATE = Mandate("M-1", date(2026, 3, 1), "DE98ZZZ09999999999", "Beispielbank", "FRST")
DEBIT = replace(TRANSFER, kind="DIRECT_DEBIT", mandate=MANDATE, purpose_code=None, remittance_information="")


def text(content: bytes, kind: str, path: str) -> list[str]:
    names = {"p": f"urn:iso:std:iso:20022:tech:xsd:{kind}"}
    steps = "/".join(f"p:{step}" for step in path.split("/"))
    return [node.text for node in etree.fromstring(content).xpath(f"//{steps}", namespaces=names)]


async def _import(unit: Unit, content: bytes) -> Imported:
    return await service_files.import_file(unit, service_files.read_file(content))


async def _reconcile(unit: Unit, content: bytes) -> list[Break]:
    return await service_files.reconcile_file(unit, read_statements(content))


def test_transfers_as_a_bank_takes_them() -> None:
    both = [TRANSFER, replace(TRANSFER, end_to_end_id="b" * 32, purpose_code=None)]
    made = transfers_file(OURS, "a" * 32, AT, both)
    assert made == transfers_file(OURS, "a" * 32, AT, both), "made again it is the same"
    assert text(made.content, made.kind, "GrpHdr/MsgId") == ["a" * 32]
    assert text(made.content, made.kind, "GrpHdr/CtrlSum") == ["2469.00"]
    assert text(made.content, made.kind, "EndToEndId") == [GIFT.hex, "b" * 32]
    assert text(made.content, made.kind, "Purp/Cd") == ["OTHR"]
    assert text(made.content, made.kind, "Ustrd")[0] == "f r Sie   alle"
    assert text(made.content, made.kind, "BtchBookg") == ["false", "false"]


def test_debits_as_a_bank_takes_them() -> None:
    made = debits_file(OURS, "c" * 32, AT, [DEBIT])
    assert text(made.content, made.kind, "MndtId") == ["M-1"]
    assert text(made.content, made.kind, "SeqTp") == ["FRST"]
    assert text(made.content, made.kind, "ReqdColltnDt") == ["2026-03-03"]
    assert text(made.content, made.kind, "Ustrd") == [GIFT.hex], "an empty text is none that a bank takes"
    with pytest.raises(FileUnsound):
        debits_file(OURS, "c" * 32, AT, [replace(DEBIT, mandate=None)])
    with pytest.raises(FileUnsound):
        transfers_file(OURS, "x" * 36, AT, [TRANSFER])


def test_what_one_customer_says_keeps_no_file_back() -> None:
    """A bank refuses a whole file for one sign: what is no name or no code there is left out."""
    said = {"😀": "NOTPROVIDED", "Ö" * 140: "O" * 70, "O'Neil & Söhne <x>": "O'Neil   Sohne  x"}
    sent = [replace(TRANSFER, counterparty=Party(name, ERIKA.iban, None)) for name in said]
    sent += [replace(TRANSFER, purpose_code=code) for code in ("a&b", "\x01", "  ", "ä", "sala")]
    sent = [replace(one, end_to_end_id=f"{number:032}") for number, one in enumerate(sent)]
    made = transfers_file(OURS, "a" * 32, AT, sent)
    assert text(made.content, made.kind, "Cdtr/Nm") == [*said.values(), *["Ada Mussig"] * 5]
    assert text(made.content, made.kind, "Purp/Cd") == ["OTHR"] * 3


def test_a_statement_is_read() -> None:
    [read] = read_statements(statement(stated("R1")))
    [line] = read.lines
    assert (read.iban, line.reference, line.kind, line.amount) == (OURS.iban, "R1", "CREDIT", Decimal("10.00"))
    assert (line.booking_on, line.value_on) == (date(2026, 3, 3), date(2026, 3, 4))
    assert (line.end_to_end_id, line.transaction_code) == ("", "PMNT-RCDT-ESCT")
    assert (line.counterparty, line.remittance_information) == (replace(ERIKA, bic="DEUTDEFF"), "rent")


BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<not xml", "line 1: "),
        (b"<Document/>", "it is none of camt.053.001.02"),
        (statement(stated("R1"), closing="110.01"), "the entries do not make the closing balance"),
        (statement(stated("R1").replace("R1", "&b;"), doctype=BOMB), "a document type is declared"),
        (statement(stated("R1").replace("<Cd>BOOK</Cd>", "")), "line "),
        (statement(stated("R1").replace("<AcctSvcrRef>R1</AcctSvcrRef>", "")), "an entry without reference"),
        (statement(stated(" ")), "an entry without reference"),
        (statement(stated("R1").replace("2026-03-03", "12026-03-03")), "12026-03-03 is no day"),
        (statement(stated("R1", "10.005"), closing="110.005"), "parts of a cent"),
        (statement(stated("R1").replace("rent", "Müller")).decode().encode("latin-1"), "line 16: "),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "Unsupported encoding"),
        (b"<a>" * 1000, "Excessive depth"),
        (b"", "Document is empty"),
    ],
    ids=[
        *("no XML", "another document", "a broken total", "an entity bomb", "against the schema", "no reference"),
        *("a blank reference", "a far year", "a part of a cent", "another encoding", "no encoding", "a deep one"),
        "an empty one",
    ],
)
def test_what_is_wrong_with_a_file_is_said(content: bytes, said: str) -> None:
    with pytest.raises(StatementRefused) as refused:
        read_statements(content)
    assert said in str(refused.value)


REASONS = Query(
    str, "select object_id::text || ' ' || return_reason from bank_lines where tenant_id = $1 and kind = 'REJECTED'"
)
TOLD = Query(str, "select kind || ' ' || status from bank_lines where tenant_id = $1 order by due_at, ordinal")


@pytest.mark.anyio
async def test_what_leaves_by_file_is_answered_by_file(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    database, tenant_id = assembled.database, frozen_tenant_id
    account = NewBankAccount("EUR", OURS.name, "COBADEFFXXX", OURS.iban)
    await database.write(tenant_id, lambda unit: service_files.add_account(unit, account), n=0)
    payout = NewInstruction("CREDIT_TRANSFER", "gift", GIFT, None, Decimal("10.00"), "EUR", ERIKA, "for you")

    async def instruct(unit: Unit) -> None:
        debited = deterministic_id("debited")
        await service.instruct(unit, [payout, replace(payout, kind="DIRECT_DEBIT", object_id=debited, mandate=MANDATE)])
        await unit.connection.execute("update bank_instructions set send_at = $1", unit.now)

    await database.write(tenant_id, instruct, n=0)
    made = await database.write(tenant_id, service_files.export_files, n=0)
    assert [file.kind for file in made] == ["pain.001.001.09", "pain.008.001.08"]
    assert await database.write(tenant_id, service_files.export_files, n=0) == []
    for file in made:
        again = await database.read(tenant_id, lambda unit, m=file.message_id: service_files.file_again(unit, m))
        assert again == file

    answer = statement(
        stated("R1", ind="DBIT", e2e=GIFT.hex, family="ICDT"), stated("R2", amount="20.00"), closing="110.00"
    )
    first = await database.write(tenant_id, lambda unit: _import(unit, answer), n=0)
    second = await database.write(tenant_id, lambda unit: _import(unit, answer), n=0)
    assert ((first.read, first.new), (second.read, second.new)) == ((2, 2), (2, 0))
    told = await database.read(tenant_id, lambda unit: unit.rows(TOLD, tenant_id))
    assert sorted(line.split()[0] for line in told) == ["CREDIT", "DEBIT", "SENT", "SENT"]
    other = statement(stated("R1", "9.00", ind="DBIT"), stated("R3", "19.00"), closing="110.00")
    differs = await database.read(tenant_id, lambda unit: _reconcile(unit, other))
    kinds = [("AMOUNT", "R1"), ("MISSING_HERE", "R3"), ("MISSING_THERE", "R2")]
    assert [(one.kind, one.reference) for one in differs] == kinds
    assert await database.read(tenant_id, lambda unit: _reconcile(unit, answer)) == []
    twice = statement(stated("R4"), stated("R4"), closing="120.00")
    assert await database.write(tenant_id, lambda unit: _import(unit, twice), n=0) == Imported(1, 1)
    for told, why in (
        (statement(stated("R5"), stated("R5", "5.00"), closing="115.00"), r"R5 is another payment on line \d+"),
        (statement(stated("R6").replace('Ccy="EUR"', 'Ccy="CHF"')), "CHF on an account that is in EUR"),
    ):
        with pytest.raises(StatementRefused, match=why):
            await database.write(tenant_id, lambda unit, told=told: _import(unit, told), n=0)
    strange = statement(stated("R1"), iban="NL70ABNA0106295004")
    with pytest.raises(Exception, match="an account that is none of the tenant's"):
        await database.write(tenant_id, lambda unit: _import(unit, strange), n=0)
    with pytest.raises(Exception, match="There is a bank account for EUR already"):
        await database.write(tenant_id, lambda unit: service_files.add_account(unit, account), n=0)


REPORT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>B1</MsgId><CreDtTm>2026-03-02T15:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}
</OrgnlGrpInfAndSts>{rest}</CstmrPmtStsRpt></Document>"""
BATCH = "<OrgnlPmtInfAndSts><OrgnlPmtInfId>{batch}</OrgnlPmtInfId>{status}</OrgnlPmtInfAndSts>"
REFUSED = "<{0}>RJCT</{0}><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("group", "status", "refused"),
    [
        ("<GrpSts>ACCP</GrpSts>", None, []),
        (REFUSED.format("GrpSts"), None, [("0", "AC04"), ("1", "AC04")]),
        ("<GrpSts>RJCT</GrpSts>", None, [("0", "MS03"), ("1", "MS03")]),
        ("<GrpSts>PART</GrpSts>", REFUSED.format("PmtInfSts"), [("1", "AC04")]),
        (
            "",
            f"<TxInfAndSts><OrgnlEndToEndId>{{e2e}}</OrgnlEndToEndId>{REFUSED.format('TxSts')}</TxInfAndSts>",
            [("1", "AC04")],
        ),
    ],
    ids=["all is taken", "the file", "without a reason", "a batch", "a payment"],
)
async def test_a_bank_refuses_a_file_or_a_part_of_it(
    assembled: Assembled, frozen_tenant_id: UUID, group: str, status: str | None, refused: Sequence[tuple[str, str]]
) -> None:
    database, tenant_id = assembled.database, frozen_tenant_id
    ids = [deterministic_id("gift", number) for number in "01"]
    account = NewBankAccount("EUR", OURS.name, "COBADEFFXXX", OURS.iban)
    gift = NewInstruction("CREDIT_TRANSFER", "gift", GIFT, None, Decimal("10.00"), "EUR", ERIKA, "for you")

    async def instruct(unit: Unit) -> None:
        await service_files.add_account(unit, account)
        await service.instruct(unit, [replace(gift, object_id=one) for one in ids])
        await unit.connection.execute("update bank_instructions set send_at = $1", unit.now)

    await database.write(tenant_id, instruct, n=0)
    [file] = await database.write(tenant_id, service_files.export_files, n=0)
    [batch] = [one for one, payments in batches_of(file).items() if ids[1].hex in payments]
    rest = "" if status is None else BATCH.format(batch=batch, status=status.format(e2e=ids[1].hex))
    report = REPORT.format(message=file.message_id, group=group, rest=rest).encode()
    for new in (len(refused), 0):
        done = await database.write(tenant_id, lambda unit: _import(unit, report), n=0)
        assert done == Imported(len(refused), new)
    told = await database.read(tenant_id, lambda unit: unit.rows(REASONS, tenant_id))
    assert sorted(told) == sorted(f"{ids[int(number)]} {reason}" for number, reason in refused)
    for wrong, why in (
        (report.replace(file.message_id.encode(), b"0" * 32), "a file that is none of the tenant's"),
        (REPORT.format(message=file.message_id, group="<GrpSts>GONE</GrpSts>", rest="").encode(), "GONE is no status"),
        (
            REPORT.format(
                message=file.message_id, group="", rest=BATCH.format(batch="X", status=REFUSED.format("PmtInfSts"))
            ).encode(),
            "it names no payment of the file",
        ),
        (REPORT.format(message="", group="", rest="").encode(), "it does not say which file it answers"),
    ):
        with pytest.raises(Exception, match=why):
            await database.write(tenant_id, lambda unit, told=wrong: _import(unit, told), n=0)


def compared(reference: str, amount: str = "10.00", day: int = 3) -> Compared:
    return Compared(reference, Decimal(amount), "EUR", date(2026, 3, day))


def test_every_difference_has_its_class_and_none_is_invented() -> None:
    ours = [compared(f"S{n}") for n in range(20)] + [compared(f"R{n}") for n in range(10)]
    assert breaks([*reversed(ours)], ours) == []
    stated = [
        *(compared(f"S{n}") for n in range(20)),
        *(compared("R0", amount) for amount in ("10.01",)),
        compared("R1", "-10.00"),
        compared("R2", day=4),
        compared("R3", day=2),
        *(compared("R4") for _ in range(2)),
        *(compared("R5") for _ in range(3)),
        compared("X1"),
        compared("X2", "-5.00"),
        compared("R6"),
        compared("R7"),
    ]
    found = breaks(stated, ours)
    assert [(one.kind, one.reference) for one in found] == [
        ("AMOUNT", "R0"),
        ("AMOUNT", "R1"),
        ("VALUE_DATE", "R2"),
        ("VALUE_DATE", "R3"),
        ("DOUBLE", "R4"),
        ("DOUBLE", "R5"),
        ("MISSING_HERE", "X1"),
        ("MISSING_HERE", "X2"),
        ("MISSING_THERE", "R8"),
        ("MISSING_THERE", "R9"),
    ]
    assert (found[0].stated, found[0].booked) == ("10.01 EUR on 2026-03-03", "10 EUR on 2026-03-03")
