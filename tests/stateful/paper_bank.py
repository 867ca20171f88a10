"""A bank that is told what to pay and tells of it on paper: camt.053 files, in any order, twice, and days late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random
from xml.sax.saxutils import escape

from openvest.core.banking import Party
from openvest.ports.bank import BankAnswer, Entry, Instruction

OURS = Party("Beispielbank Kunden", "DE89370400440532013000", "COBADEFFXXX")
ZERO = Decimal(0)
FEE = Decimal("3.00")
"""What it takes for a debit that is charged back."""
LINES_OF_A_FILE = 250
LATEST = 6
"""Days after which a file is handed over at the latest."""


@dataclass(frozen=True, slots=True)
class Line:
    """One booking on our account. Below zero: it left."""

    reference: str
    signed: Decimal
    on: date
    end_to_end_id: str
    other: Party
    text: str = ""
    reason: str = ""
    family: str = "RCDT"
    iban: str = OURS.iban


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an instruction: refused, or paid; and if paid, whether it was taken back."""

    instruction: Instruction
    refused: bool
    taken_back: bool


@dataclass
class PaperBank:
    """Implements `ports.bank.Bank`. `hears` is told what becomes of each instruction; `day` is its own calendar."""

    chance: Random
    hears: Callable[[Done], None]
    day: date
    lines: list[Line] = field(default_factory=list[Line])
    fresh: list[Line] = field(default_factory=list[Line])
    bag: list[tuple[date, bytes]] = field(default_factory=list[tuple[date, bytes]])

    async def send(self, instructions: Sequence[Instruction]) -> Sequence[BankAnswer]:
        return [BankAnswer(one.id, tuple(self._take(one))) for one in instructions]

    def _take(self, one: Instruction) -> Iterator[Entry]:
        done = Done(one, self.chance.random() < 0.05, self.chance.random() < 0.2)
        self.hears(done)
        if done.refused:
            yield _refusal(one)
            return
        paid = one.kind == "CREDIT_TRANSFER"
        signed, family = (-one.amount, "ICDT") if paid else (one.amount, "IDDT")
        self.book(signed, one.end_to_end_id, one.counterparty, family=family)
        if done.taken_back:
            fee, back = (ZERO, "RCDT") if paid else (FEE, "IDDT")
            self.book(-signed - fee, one.end_to_end_id, one.counterparty, reason="AC04", family=back)

    def book(
        self,
        signed: Decimal,
        end_to_end_id: str,
        other: Party,
        *,
        text: str = "",
        reason: str = "",
        family: str = "RCDT",
        iban: str = OURS.iban,
    ) -> None:
        """A booking of today, which is told of later."""
        line = Line(f"L{len(self.lines)}", signed, self.day, end_to_end_id, other, text, reason, family, iban)
        self.lines.append(line)
        self.fresh.append(line)

    def write(self) -> None:
        """Put what is new into files, shuffled, some of it twice, and each file into the bag once or twice."""
        told = self.fresh + self.chance.sample(self.lines, len(self.fresh) // 10)
        self.fresh = []
        self.chance.shuffle(told)
        for first in range(0, len(told), LINES_OF_A_FILE):
            content = statement(told[first : first + LINES_OF_A_FILE])
            for _ in range(1 + (self.chance.random() < 0.3)):
                late = self.chance.randint(0, LATEST)
                self.bag.append((date.fromordinal(self.day.toordinal() + late), content))

    def hand_over(self) -> list[bytes]:
        """The files of which the day has come, in any order."""
        given = [content for day, content in self.bag if day <= self.day]
        self.bag = [one for one in self.bag if one[0] > self.day]
        self.chance.shuffle(given)
        return given

    @property
    def silent(self) -> bool:
        """Whether it has told everything."""
        return not self.fresh and not self.bag


def _refusal(one: Instruction) -> Entry:
    on = one.sent_at.date()
    return Entry(
        external_id=f"{one.end_to_end_id} refused",
        received_at=one.sent_at,
        kind="REJECTED",
        account_iban=None,
        amount=one.amount,
        currency=one.currency,
        booking_on=on,
        value_on=on,
        end_to_end_id=one.end_to_end_id,
        counterparty=one.counterparty,
        return_reason="AC04",
    )


def statement(lines: Sequence[Line]) -> bytes:
    """A statement of these lines as a bank writes it."""
    balances = _balance("OPBD", ZERO) + _balance("CLBD", sum((line.signed for line in lines), ZERO))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-03T20:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>{OURS.iban}</IBAN></Id></Acct>{balances}{"".join(map(_entry, lines))}</Stmt>
</BkToCstmrStmt></Document>""".encode()


def _balance(kind: str, amount: Decimal) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(amount)}<Dt><Dt>2026-03-03</Dt></Dt></Bal>"


def _amount(signed: Decimal) -> str:
    indicator = "DBIT" if signed < 0 else "CRDT"
    return f'<Amt Ccy="EUR">{abs(signed):.2f}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>'


def _entry(line: Line) -> str:
    theirs, ours = ("Cdtr", "Dbtr") if line.signed < 0 else ("Dbtr", "Cdtr")
    parties = {ours: ("us", line.iban), theirs: (line.other.name, line.other.iban)}
    named = "".join(
        f"<{role}><Pty><Nm>{escape(parties[role][0])}</Nm></Pty></{role}>"
        f"<{role}Acct><Id><IBAN>{parties[role][1]}</IBAN></Id></{role}Acct>"
        for role in ("Dbtr", "Cdtr")
    )
    text = f"<RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf>" if line.text else ""
    reason = f"<RtrInf><Rsn><Cd>{line.reason}</Cd></Rsn></RtrInf>" if line.reason else ""
    return (
        f"<Ntry>{_amount(line.signed)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{line.on}</Dt></BookgDt>"
        f"<ValDt><Dt>{line.on}</Dt></ValDt><AcctSvcrRef>{line.reference}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{line.family}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{line.end_to_end_id}</EndToEndId></Refs>"
        f"<RltdPties>{named}</RltdPties>{text}{reason}</TxDtls></NtryDtls></Ntry>"
    )
