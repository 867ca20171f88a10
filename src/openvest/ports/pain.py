"""Instructions as files that banks take: pain.001 for credit transfers, pain.008 for direct debits.

The files are made by `sepaxml`, which lacks a purpose and gives random ids; both are put in afterwards, and what comes
out is held against the published schema.

Source: ISO 20022 pain.001.001.09, pain.008.001.08; EPC implementation guidelines (character set, CORE scheme).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from openvest.core.banking import Mandate, Party
from openvest.core.clock import instant
from openvest.ports.bank import Instruction

etree: Any = import_module("lxml.etree")  # neither has types
sepaxml: Any = import_module("sepaxml")
TRANSFERS, DEBITS = "pain.001.001.09", "pain.008.001.08"
_FOREIGN = re.compile(r"[^0-9A-Za-z+?/\-:().,' ]")
_PURPOSE = re.compile("[A-Z]{4}")
"""The contracts take any four characters; a bank refuses a whole file for one that is no code."""


class FileUnsound(Exception):
    """What was made does not fit the published schema: a fault of ours, and no file for a bank."""


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file for one account. `message_id` names it for ever; `kind` is its schema."""

    message_id: str
    kind: str
    content: bytes


def transfers_file(
    account: Party, message_id: str, made_at: datetime, instructions: Sequence[Instruction]
) -> PaymentFile:
    """Credit transfers from an account of ours. Raises: FileUnsound."""
    sepa: Any = sepaxml.SepaTransfer({**_config(account), "batch": False}, schema=TRANSFERS)
    for one in instructions:
        sepa.add_payment({**_payment(one), "execution_date": one.due_on})
    return _file(sepa, TRANSFERS, message_id, made_at, instructions)


def debits_file(account: Party, message_id: str, made_at: datetime, instructions: Sequence[Instruction]) -> PaymentFile:
    """Direct debits of one creditor to an account of ours. Raises: FileUnsound."""
    creditor = _mandate(instructions[0])
    config = {**_config(account), "name": creditor.creditor_name, "creditor_id": creditor.creditor_id, "batch": False}
    sepa: Any = sepaxml.SepaDD(config, schema=DEBITS)
    for one in instructions:
        mandate = _mandate(one)
        under = {"mandate_id": mandate.reference, "mandate_date": mandate.signed_on, "type": mandate.sequence}
        sepa.add_payment({**_payment(one), **under, "collection_date": one.due_on})
    return _file(sepa, DEBITS, message_id, made_at, instructions)


def _mandate(instruction: Instruction) -> Mandate:
    if instruction.mandate is None:
        raise FileUnsound(f"the direct debit {instruction.end_to_end_id} has no mandate")
    return instruction.mandate


def _config(account: Party) -> dict[str, Any]:
    return {"name": account.name, "IBAN": account.iban, "BIC": account.bic, "currency": "EUR"}


def _payment(one: Instruction) -> dict[str, Any]:
    bank = {} if one.counterparty.bic is None else {"BIC": one.counterparty.bic}
    return {
        "name": one.counterparty.name,
        "IBAN": one.counterparty.iban,
        **bank,
        "amount": int(one.amount * 100),
        "description": _FOREIGN.sub(" ", one.remittance_information).strip() or one.end_to_end_id,
        "endtoend_id": one.end_to_end_id,
    }


def _file(sepa: Any, kind: str, message_id: str, made_at: datetime, instructions: Sequence[Instruction]) -> PaymentFile:
    document = etree.fromstring(sepa.export(validate=False))
    within = f"{{urn:iso:std:iso:20022:tech:xsd:{kind}}}"
    _write(document, f".//{within}GrpHdr/{within}MsgId", lambda _: message_id)
    _write(document, f".//{within}GrpHdr/{within}CreDtTm", lambda _: instant(made_at))
    _write(document, f".//{within}PmtInfId", lambda n: f"{message_id[:26]}-{n}")
    for name in document.iter(f"{within}Nm"):
        # What no bank takes of one name must not keep back what others are paid.
        name.text = _FOREIGN.sub(" ", name.text or "").strip() or "NOTPROVIDED"
    purposes = {
        one.end_to_end_id: one.purpose_code for one in instructions if _PURPOSE.fullmatch(one.purpose_code or "")
    }
    for text in document.iterfind(f".//{within}RmtInf"):
        payment = text.getparent()
        purpose = purposes.get(payment.findtext(f"{within}PmtId/{within}EndToEndId"))
        if purpose is not None:
            node = etree.Element(f"{within}Purp")
            etree.SubElement(node, f"{within}Cd").text = purpose
            text.addprevious(node)
    schema = _schema(kind)
    if not schema.validate(document):
        raise FileUnsound(str(schema.error_log[0].message))
    return PaymentFile(message_id, kind, etree.tostring(document, xml_declaration=True, encoding="UTF-8"))


def batches_of(file: PaymentFile) -> Mapping[str, Sequence[str]]:
    """The end-to-end ids of each batch of a file, by the batch's id."""
    document, names = etree.fromstring(file.content), {"p": f"urn:iso:std:iso:20022:tech:xsd:{file.kind}"}
    return {
        batch.findtext("p:PmtInfId", namespaces=names): batch.xpath(".//p:EndToEndId/text()", namespaces=names)
        for batch in document.iterfind(".//p:PmtInf", namespaces=names)
    }


def _write(document: Any, path: str, text: Callable[[int], str]) -> None:
    for number, node in enumerate(document.iterfind(path), 1):
        node.text = text(number)


@cache
def _schema(kind: str) -> Any:
    return etree.XMLSchema(etree.fromstring((files("sepaxml") / "schemas" / f"{kind}.xsd").read_bytes()))
