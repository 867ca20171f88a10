"""The commands of banks and of money in suspense, from a statement to whoever is credited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from openvest.cli.bank import write_down
from openvest.cli.failures import Failed
from openvest.ports.pain import PaymentFile
from tests.e2e.serving import Cli, wait_until
from tests.kit.statements import OURS, stated, statement

OF = ("--tenant", "sandbox")
ACCOUNT = ("bank", "account", "--bic", str(OURS.bic), "--holder", OURS.name, *OF)


def test_a_statement_is_imported_compared_and_resolved(there: Cli, tmp_path: Path) -> None:
    file = tmp_path / "statement.xml"
    file.write_bytes(statement(stated("E1"), stated("E2", "20.00"), closing="130.00"))
    status, _, beside = there(*ACCOUNT, "--iban", "DE89370400440532013001")
    assert status == 1 and "DE89370400440532013001" in beside, "a wrong digit"
    status, _, beside = there("bank", "import", str(file), *OF)
    assert status == 1 and "none of the tenant's" in beside, "no account is named yet"
    assert there("bank", "export", str(tmp_path), *OF)[0] == 1, "nor is there one to pay from"
    nameless = ("bank", "account", "--iban", OURS.iban, "--bic", str(OURS.bic), "--holder", " ", *OF)
    assert there(*nameless)[0] == 1
    status, said, _ = there(*ACCOUNT, "--iban", "DE89 3704 0044 0532 0130 00")
    assert (status, said) == (0, "sandbox: DE8937**********3000 holds the customers' money.\n")
    assert there(*ACCOUNT, "--iban", "DE02120300000000202051")[0] == 1, "it does not change"

    assert there("bank", "reconcile", str(file), *OF)[0] == 1
    for new in (2, 0):
        assert there("bank", "import", str(file), *OF)[:2] == (0, f"2 lines, {new} of them new\n")
    assert there("bank", "reconcile", str(file), *OF)[0] == 0
    for name, content in (("broken", statement(stated("E1"), closing="1.00")), ("torn", b"<Document"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        for command in ("import", "reconcile"):
            status, said, beside = there("bank", command, str(tmp_path / name), *OF)
            assert (status, said) == (1, "") and f"{tmp_path / name}: line " in beside, beside
    for path in (tmp_path, tmp_path / "nowhere"):
        status, _, beside = there("bank", "import", str(path), *OF)
        assert status == 1 and "cannot be read" in beside

    wait_until(lambda: len(_listed(there)) == 2, 60)
    first, second = sorted(_listed(there), key=lambda line: line["amount"])
    assert (first["amount"], second["amount"], first["text"]) == ("10.00", "20.00", "rent")
    group = json.loads(there("api", "GET", "/account_groups?limit=1")[1])["data"][0]["id"]
    assert there("payments", "assign", "sandbox", first["id"], group)[0] == 0
    assert there("payments", "return", "sandbox", second["id"])[0] == 0
    assert _listed(there) == []
    for act in (("assign", "sandbox", first["id"], group), ("return", "sandbox", second["id"])):
        assert there("payments", *act)[0] == 1, "once is enough"
    [funding] = json.loads(there("api", "GET", f"/account_groups/{group}/payments/credit_fundings")[1])["data"]
    assert (funding["cash_amount"], funding["status"]) == ("10.00", "CONFIRMED")
    assert there("ledger", "prove", *OF)[0] == 0


def test_what_is_to_leave_goes_into_a_folder_that_is_there(there: Cli, tmp_path: Path) -> None:
    status, _, beside = there("bank", "export", str(tmp_path / "nowhere"), *OF)
    assert status == 1 and "is no folder" in beside
    there(*ACCOUNT, "--iban", OURS.iban)
    status, said, _ = there("bank", "export", str(tmp_path), "--again", "0" * 32, *OF)
    assert (status, said) == (0, f"no file was called {'0' * 32}\n")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has left with the commit before; the others are written all the same."""
    lost, kept = [PaymentFile(name * 32, "pain.001.001.09", b"<Document/>") for name in "ab"]
    (tmp_path / f"pain.001.001.09-{lost.message_id}.xml").mkdir()
    with pytest.raises(Failed) as failed:
        write_down(tmp_path, [lost, kept])
    said = str(failed.value)
    assert "1 of 2 files" in said and f"--again {lost.message_id}" in failed.value.next_step
    assert capsys.readouterr().out == f"{tmp_path}/pain.001.001.09-{kept.message_id}.xml\n"


def _listed(there: Cli) -> list[dict[str, Any]]:
    status, said, beside = there("payments", "list", "sandbox", "--json")
    assert status == 0, beside
    return json.loads(said)
