"""Statements as a bank writes them, by hand from the published schema."""

from __future__ import annotations

from openvest.core.banking import Party

OURS = Party("Beispielbank Kunden", "DE89370400440532013000", "COBADEFFXXX")
ENTRY = """
<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{ind}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-03-03</Dt></BookgDt><ValDt><Dt>2026-03-04</Dt></ValDt><AcctSvcrRef>{ref}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{e2e}</EndToEndId></Refs>
<RltdPties><Dbtr><Pty><Nm>Erika Beispiel</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>DE95500105173934555844</IBAN></Id></DbtrAcct></RltdPties>
<RltdAgts><DbtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></DbtrAgt></RltdAgts>
<RmtInf><Ustrd>rent</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""
BALANCE = """
<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-03-03</Dt></Dt></Bal>"""


def statement(*entries: str, iban: str = OURS.iban, closing: str = "110.00", doctype: str = "") -> bytes:
    """A camt.053 of one account that opens with 100.00 EUR."""
    balances = BALANCE.format(kind="OPBD", amount="100.00") + BALANCE.format(kind="CLBD", amount=closing)
    return f"""<?xml version="1.0" encoding="UTF-8"?>{doctype}
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-03T20:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{balances}{"".join(entries)}</Stmt>
</BkToCstmrStmt></Document>""".encode()


def stated(ref: str, amount: str = "10.00", ind: str = "CRDT", e2e: str = "NOTPROVIDED", family: str = "RCDT") -> str:
    """One entry of it, of 3 March 2026."""
    return ENTRY.format(ref=ref, amount=amount, ind=ind, e2e=e2e, family=family)
