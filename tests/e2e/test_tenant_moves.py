"""A developer shares a sandbox, and an operator moves it on: by the commands, as they are typed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from openvest.cli.demo_bodies import USER
from openvest.core.sealing import new_master_key
from openvest.db.embedded import remove_database
from tests.e2e.serving import Cli


@pytest.fixture
def folder() -> Generator[Path]:
    """Where files and further data directories go."""
    made = Path(tempfile.mkdtemp(prefix="openvest-moves-"))
    try:
        yield made
    finally:
        for data_dir in ("paul", "big"):
            remove_database(made / data_dir)
        shutil.rmtree(made, ignore_errors=True)


def test_a_sandbox_is_shared_and_then_moved_to_a_bigger_machine(
    cli: Cli, there: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, moved, paul, big = (str(folder / name) for name in ("copy.zip", "moved.zip", "paul", "big"))
    # One of its own: what other tests do to the master is news to the tenants that were there before.
    made = json.loads(there("client", "create", "--tenant", "shared", "--licence", "TOL", "--json")[1])
    assert there("api", "POST", "/users", "-d", json.dumps(USER), "--profile", made["profile"])[0] == 0
    status, said, _ = there("tenants", "export", "shared", copy, "--keep-open")
    assert status == 0 and f"The key of the file is in {copy}.key" in said
    assert "takes no writes" not in said, "it goes on here"
    assert Path(f"{copy}.key").stat().st_mode & 0o777 == 0o600
    status, _, complaint = there("tenants", "export", "nobody", str(folder / "none.zip"))
    assert status == 1 and "There is no tenant nobody; known: " in complaint and "shared" in complaint
    assert not list(folder.glob("none*")), "a key for nothing is not kept"
    assert there("tenants", "export", "shared", copy, "--keep-open")[0] == 1

    status, said, complaint = cli("tenants", "import", copy, "--as", "pauls", "--data-dir", paul)
    assert status == 0 and "pauls: proven" in said and "It has no clients yet: openvest client create" in said, (
        complaint
    )
    status, said, complaint = cli("tenants", "export", "pauls", moved, "--json", "--data-dir", paul)
    exported = json.loads(said)
    assert status == 0 and exported["moved"] is True and exported["tables"]["users"] >= 1
    assert "closing pauls" in complaint
    status, _, complaint = cli("client", "create", "--tenant", "pauls", "--data-dir", paul)
    assert status == 1 and "The tenant pauls is closed since" in complaint
    status, said, _ = cli("tenants", "list", "--data-dir", paul)
    assert "closed" in said

    monkeypatch.setenv("OPENVEST_EXPORT_KEY", new_master_key())
    status, _, complaint = cli("tenants", "import", moved, "--data-dir", big)
    assert status == 1 and "The key is not the one that the file of pauls is sealed with" in complaint
    monkeypatch.delenv("OPENVEST_EXPORT_KEY")
    status, said, _ = cli("tenants", "import", moved, "--data-dir", big, "--json")
    done = json.loads(said)
    assert status == 0 and done["proof"]["findings"] == [] and done["tenant_id"] == exported["tenant_id"]
    assert cli("client", "create", "--tenant", "pauls", "--data-dir", big)[0] == 0

    assert cli("tenants", "reopen", "pauls", "--data-dir", paul) == (0, "pauls takes writes here again.\n", "")


@pytest.mark.parametrize(("text", "sentence"), [(None, "There is no key of the file in"), ("12", "does not hold 64")])
def test_a_file_without_its_key_says_where_the_key_goes(
    cli: Cli, tmp_path: Path, text: str | None, sentence: str
) -> None:
    if text is not None:
        (tmp_path / "acme.zip.key").write_text(text)
    status, _, complaint = cli("tenants", "import", str(tmp_path / "acme.zip"), "--data-dir", str(tmp_path))
    assert status == 1 and sentence in complaint and "next: " in complaint
