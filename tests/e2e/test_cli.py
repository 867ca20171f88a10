"""The command line: what its commands say of themselves, what they do and what they print."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import socket
import tomllib
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from openvest.core.sealing import Secrets
from openvest.core.signing_keys import generate_ed25519
from openvest.db.address import read_address
from openvest.db.checks import StartRefused
from openvest.main.environment import Environment
from openvest.main.installation import check_noted_key
from tests.e2e.serving import Cli, Serving, free_port, set_up, wait_until

COMMANDS = """
serve|server|worker|demo|api|listen|doctor|client create|client add-key|client list|client disable|client rotate-secret
|clock show|clock freeze|clock thaw|clock advance|ledger prove|ledger balances|ledger segregation|events list|work list
|work retry|work drop|instruments import|prices import|db migrate|db check|db distribute|tenants list|tenants export
|tenants import|tenants reopen|tenants creditor|tenants cut-off|tenants bank-code|payments list|payments assign
|payments return|bank account|bank export|bank import|bank reconcile|backup|restore
""".replace("\n", "").split("|")
"""Every command there is."""

NOBODY = "6f1f4b9e-0b0e-4f5e-8f5e-000000000000"
"""The id of no client."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(cli: Cli, command: str) -> None:
    status, said, _ = cli(*command.split(), "--help")
    assert status == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert re.search(r"Examples?: ", plain) and f"openvest {command}" in plain.replace("\n", " ")


def test_the_version_is_that_of_the_package(cli: Cli) -> None:
    told = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"]
    assert cli("--version") == (0, f"openvest {told}\n", "")
    assert "--version" in cli("--help")[1]


@pytest.mark.parametrize("process", ["serve", "server", "worker"])
def test_the_processes_share_one_list_of_options(cli: Cli, process: str) -> None:
    shared = "--host h --port 1 --mode sandbox --pace instant --seed 7 --workers 2 --allow-webhooks-to a:1"
    status, said, _ = cli(process, *shared.split(), "--data-dir", "none", "--help")
    assert status == 0 and f"openvest {process}" in said
    assert cli(process, *shared.split(), "--none")[2].count("No such option") == 1


@pytest.mark.parametrize("mode", ["sandbox", "production"])
@pytest.mark.parametrize("embedded", [True, False])
def test_production_says_what_the_embedded_database_lacks(
    capsys: pytest.CaptureFixture[str], mode: str, embedded: bool
) -> None:
    from openvest.cli.processes import Command
    from openvest.main.processes import Options

    installation: Any = SimpleNamespace(mode=mode, urls=SimpleNamespace(embedded=embedded))
    Command("serve", Options(Environment(Path("var")))).ready(installation, None, (9100,))
    said = capsys.readouterr().out
    assert ("has no standby" in said and "DATABASE_URL (README" in said) is (embedded and mode == "production")


def test_what_is_printed_to_replace_a_process_keeps_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    from openvest.cli.processes import Command
    from openvest.main.environment import Environment
    from openvest.main.processes import Options

    installation: Any = SimpleNamespace(mode="sandbox", urls=SimpleNamespace(embedded=True))
    customer = SimpleNamespace(account_id=NOBODY, user_id=NOBODY)
    sandbox: Any = SimpleNamespace(profile=Path("profile.toml"), fresh=True, bearer_id=NOBODY, customer=customer)

    def printed(options: Options) -> list[list[str]]:
        Command("serve", options).ready(installation, sandbox, (9100, 9101))
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[-1] for line in lines if line.endswith("/metrics")] == [
            "http://127.0.0.1:9100/metrics",
            "http://127.0.0.1:9101/metrics",
        ]
        return [shlex.split(line, comments=True)[1:] for line in lines if line.endswith("# in place of this one")]

    allowed = "--allow-webhooks-to 127.0.0.1:9000"
    assert printed(Options(Environment(Path("var")))) == [f"serve {allowed}".split()]
    options = Options(
        Environment(Path("my var")), port=8123, pace="instant", seed="7", workers=2, webhooks_to=("a.b:1",)
    )
    kept = f"--port 8123 --pace instant --seed 7 --workers 2 --allow-webhooks-to a.b:1 {allowed}"
    assert printed(options) == [["serve", "--data-dir", "my var", *kept.split()]]
    assert printed(Options(Environment(Path("var")), webhooks_to=("127.0.0.1:9000",))) == []


def test_api_prints_json_alone_and_tells_the_status_beside_it(there: Cli, tmp_path: Path) -> None:
    status, said, beside = there("api", "GET", "/instruments?limit=1")
    assert (status, beside) == (0, "200\n")
    assert len(json.loads(said)["data"]) == 1
    body = tmp_path / "body.json"
    body.write_text('{"title":"t"}', encoding="utf-8-sig")
    status, said, beside = there("api", "POST", "/webhooks", "-d", f"@{body}")
    assert status == 1 and beside.startswith("400\n") and "next: correct what the answer names" in beside
    assert {error["field"] for error in json.loads(said)["errors"]} == {"url"}
    hook = json.loads(there("api", "POST", "/webhooks", "-d", '{"title":"t","url":"https://example.org"}')[1])
    status, said, beside = there("api", "DELETE", f"/webhooks/{hook['id']}")
    assert (status, said, beside) == (0, "", "204\n")


def test_api_asks_as_the_client_of_the_contract_that_is_named(there: Cli, cli: Cli, tmp_path: Path) -> None:
    def total_in(asked: tuple[int, str, str]) -> set[str]:
        assert asked[::2] == (0, "200\n")
        return {"total", "total_count"} & set(json.loads(asked[1])["meta"])

    for contract, total in (("v1", "total_count"), ("lite", "total")):
        assert total_in(there("api", "--contract", contract, "GET", "/users?limit=1")) == {total}
    create = ("client", "create", "--tenant", "sandbox", "--contract", "lite", "--json")
    status, said, beside = there(*create)
    made = json.loads(said)
    assert (status, set(made)) == (0, {"tenant_id", "client_id", "client_secret", "profile"}), beside
    own = Path(made["profile"])
    assert own.stat().st_mode & 0o777 == 0o600 and "key" not in own.read_text()
    assert total_in(cli("api", "GET", "/users", "--profile", str(own))) == {"total"}
    assert " live" in cli("clock", "show", "--profile", str(own))[1]
    status, _, beside = cli("api", "--contract", "v1", "GET", "/users", "--profile", str(own))
    assert status == 1 and f"{own} has no client of the contract v1" in beside
    public = tmp_path / "public.pem"
    public.write_bytes(generate_ed25519()[1])
    made = json.loads(there(*create, "--public-key", str(public))[1])
    assert set(made) == {"tenant_id", "client_id", "client_secret", "key_id"}, "it may sign all the same"


def test_clients_are_made_listed_given_keys_and_secrets(there: Cli, tmp_path: Path) -> None:
    create = ("client", "create", "--tenant", "acme", "--contract", "v1", "--scopes", "users:read orders:read")
    status, said, beside = there(*create, "--pace", "instant", "--frozen-at", "2026-03-02T09:30:00Z", "--json")
    made = json.loads(said)
    assert status == 0
    assert beside == "the tenant acme was not there and has been made; there are already sandbox\n"
    assert set(made) == {"tenant_id", "client_id", "client_secret", "key_id", "private_key_file", "profile"}
    assert Path(made["profile"]).stat().st_mode & 0o777 == 0o600
    assert there("api", "GET", "/users", "--profile", made["profile"])[::2] == (0, "200\n")
    assert Path(made["private_key_file"]).stat().st_mode & 0o777 == 0o600
    public = tmp_path / "public.pem"
    public.write_bytes(generate_ed25519()[1])
    status, said, beside = there(*create, "--public-key", str(public), "--rate-limit", "none", "--json")
    second = json.loads(said)
    assert beside == ""
    mine = tmp_path / "mine.toml"
    assert there(*create, "--profile", str(mine))[0] == 0
    assert there("api", "GET", "/users", "--profile", str(mine))[::2] == (0, "200\n")
    status, _, beside = there(*create, "--profile", str(mine))
    assert status == 1 and "is there already" in beside
    listed = {row["tenant"]: row for row in json.loads(there("tenants", "list", "--json")[1])}
    assert (listed["acme"]["clock"], listed["acme"]["now"]) == ("frozen", "2026-03-02T09:30:00Z")
    assert (listed["sandbox"]["clock"], listed["sandbox"]["pace"]) == ("running", "calendar")
    assert "acme" in there("tenants", "list")[1]
    set_up(there)
    assert there("payments", "list", "acme", "--json")[:2] == (0, "[]\n")
    for act in (("assign", "acme", NOBODY, NOBODY), ("return", "acme", NOBODY)):
        status, _, beside = there("payments", *act)
        assert status == 1 and "There is no unmatched bank line of this id." in beside
    assert set(second) == {"tenant_id", "client_id", "client_secret", "key_id"}
    assert second["tenant_id"] == made["tenant_id"]
    status, said, _ = there("client", "add-key", made["client_id"], "--public-key", str(public), "--json")
    assert status == 0 and set(json.loads(said)) == {"key_id"}
    listed = {one["client_id"]: one for one in json.loads(there("client", "list", "--tenant", "acme", "--json")[1])}
    assert listed[made["client_id"]]["scopes"] == "users:read orders:read"
    assert (listed[made["client_id"]]["rate_limit"], listed[second["client_id"]]["rate_limit"]) == (300, None)
    assert made["client_id"] in there("client", "list")[1]
    status, said, _ = there("client", "rotate-secret", made["client_id"], "--json")
    assert status == 0 and json.loads(said)["client_secret"] != made["client_secret"]
    assert there("client", "disable", made["client_id"])[0] == 0
    status, _, said = there("client", "disable", made["client_id"])
    assert status == 1 and "openvest client list" in said
    status, _, said = there("client", "create", "--tenant", "acme", "--scopes", "users:write")
    assert status == 1 and "There is no scope users:write" in said
    status, _, said = there("client", "create", "--tenant", "acme", "--pace", "calendar")
    assert status == 1 and "exists with pace instant" in said
    assert there(*create, "--frozen-at", "2026-03-02T09:30:00Z")[0] == 0
    status, _, said = there(*create, "--frozen-at", "2026-03-03T09:30:00Z")
    assert status == 1 and "exists since 2026-03-02T09:30:00" in said


def test_the_clock_is_shown_frozen_moved_and_thawed(there: Cli) -> None:
    assert " live" in there("clock", "show")[1]
    assert " frozen" in there("clock", "freeze")[1]
    before = there("clock", "show")[1].split()[0]
    status, moved, _ = there("clock", "advance", "--by", "P40D")
    assert status == 0 and moved.split()[0][:10] > before[:10]
    status, said, _ = there("clock", "advance", "--next-open", "XETR")
    assert status == 0 and said.split()[0].endswith(("07:00:00Z", "08:00:00Z"))
    status, _, said = there("clock", "advance", "--to", "2020-01-01T00:00:00Z")
    assert status == 1 and "next: " in said
    assert " live" in there("clock", "thaw")[1]


def test_the_books_and_the_events_are_shown(there: Cli) -> None:
    status, said, _ = there("ledger", "prove", "--tenant", "sandbox")
    assert status == 0 and said.startswith("sandbox: proven, ")
    assert json.loads(there("ledger", "prove", "--json")[1])[0]["findings"] == []
    lines = json.loads(there("ledger", "balances", "--tenant", "sandbox", "--json")[1])
    assert {line["asset"] for line in lines} >= {"EUR"} and {line["side"] for line in lines} == {"customers", "house"}
    assert "EUR" in there("ledger", "balances")[1]
    [money] = json.loads(there("ledger", "segregation", "--tenant", "sandbox", "--json")[1])
    assert Decimal(money["required"]) == Decimal(money["held"]) + Decimal(money["missing"])
    assert money["done_on"] in there("ledger", "segregation")[1], "the clock was moved over the close of a day"
    listed = [json.loads(line) for line in there("events", "list", "--tenant", "sandbox", "--json")[1].splitlines()]
    assert [event["sequence"] for event in listed] == list(range(1, len(listed) + 1))
    later = there("events", "list", "--tenant", "sandbox", "--after", "3", "--limit", "2", "--json")[1]
    assert [json.loads(line)["sequence"] for line in later.splitlines()] == [4, 5]
    assert "USER.CREATED" in there("events", "list", "--tenant", "sandbox")[1]
    status, _, said = there("ledger", "prove", "--tenant", "nobody")
    assert status == 1 and "There is no tenant nobody" in said


def test_imports_name_every_wrong_line_and_take_whole_files_only(there: Cli, tmp_path: Path) -> None:
    from openvest.features.instruments.rules_import import BAR_COLUMNS

    header = ",".join(column.name for column in BAR_COLUMNS)
    file = tmp_path / "bars.csv"
    file.write_text(f"{header}\nwrong\n")
    status, _, said = there("prices", "import", str(file))
    assert status == 1 and "line 2" in said and "nothing was imported" in said and "next: correct" in said
    file.write_bytes(f"{header}\n".encode() + b",".join([b"a\0b"] * header.count(",")) + b",1\n")
    status, _, said = there("prices", "import", str(file))
    assert status == 1 and "holds a NUL byte" in said
    file.write_text(f"{header}\n")
    status, said, complaint = there("prices", "import", str(file))
    assert (status, said) == (1, "") and "line 2" in complaint and "there is nothing to import" in complaint
    assert "has 1 error; nothing was imported" in complaint and "next: correct" in complaint
    status, _, said = there("instruments", "import", str(tmp_path / "none.csv"))
    assert status == 1 and "cannot be read" in said


def test_an_import_is_told_to_the_tenants_that_are_served(there: Cli, tmp_path: Path) -> None:
    file = tmp_path / "instruments.csv"
    columns = "isin,name,type,venues,currencies,tick_sizes,reference_prices"
    file.write_text(f"{columns}\nGB0002634946,BAE Systems,EQUITY,XLON,GBP,0.01,17.00\n")
    assert there("instruments", "import", str(file))[0] == 0

    def told() -> list[str]:
        listed = there("events", "list", "--tenant", "sandbox", "--limit", "100000", "--json")[1].splitlines()
        return [event["type"] for event in map(json.loads, listed) if event["type"].startswith("INSTRUMENT.")]

    wait_until(told)
    assert told() == ["INSTRUMENT.ONBOARDED"]


@pytest.mark.parametrize(
    ("encoding", "separator", "price", "told"),
    [
        ("utf-8-sig", ",", "100.50", None),
        ("utf-16", ",", "100.50", "written in UTF-16"),
        ("utf-8", ";", "100,50", "separates its columns by semicolons"),
        ("utf-8", ",", '"100,50"', "has a decimal comma"),
    ],
)
def test_a_file_of_a_spreadsheet_is_taken_or_told_in_one_line(
    there: Cli, tmp_path: Path, encoding: str, separator: str, price: str, told: str | None
) -> None:
    file = tmp_path / "spreadsheet.csv"
    rows = [
        ["isin", "name", "type", "venues", "currencies", "tick_sizes", "reference_prices", ""],
        ["GB0005405286", "HSBC Holdings", "EQUITY", "XLON", "GBP", "0.01", price, ""],
        ["GB0002374006", "Diageo", "EQUITY", "XLON", "GBP", "0.01", price, ""],
        [""] * 8,
    ]
    file.write_text("\n".join(separator.join(row) for row in rows), encoding=encoding)
    status, said, complaint = there("instruments", "import", str(file))
    assert (status, said) == ((0, "2 instruments imported\n") if told is None else (1, ""))
    assert complaint == "" if told is None else (told in complaint and "has 1 error; nothing was" in complaint)


def test_the_schema_is_brought_up_to_date_and_judged(there: Cli) -> None:
    assert there("db", "migrate") == (0, "the schema is up to date\n", "")
    status, said, _ = there("db", "check")
    assert status == 0 and "laid out plain: everything on one server" in said
    status, said, complaint = there("db", "distribute")
    assert (status, said) == (1, "") and "no extension citus, so it stays on one server; install Citus" in complaint


def test_a_foreign_database_must_be_migrated_by_its_owner(
    cli: Cli, served: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = read_address(served.data_dir / "postgres.json")
    monkeypatch.setenv("DATABASE_URL", address.app_dsn("template1"))
    where = ("--data-dir", str(tmp_path))
    status, _, said = cli("db", "check", *where)
    assert status != 0 and said
    monkeypatch.setenv("DATABASE_URL", address.app_dsn())
    status, _, said = cli("db", "migrate", *where)
    assert status == 1 and "set DATABASE_ADMIN_URL" in said
    monkeypatch.setenv("DATABASE_ADMIN_URL", address.owner_dsn())
    assert cli("db", "migrate", *where)[0] == 0
    monkeypatch.setenv("OPENVEST_MASTER_KEY", "00" * 32)
    status, _, said = cli("client", "list", *where)
    assert status == 1 and "not the one this database was sealed with" in said
    monkeypatch.setenv("OPENVEST_MASTER_KEY", (served.data_dir / "master.key").read_text())
    assert cli("client", "list", *where)[0] == 0
    monkeypatch.setenv("DATABASE_URL", address.owner_dsn())
    status, _, said = cli("client", "list", *where)
    assert status == 1 and "let DATABASE_URL name the application role" in said
    # Who may not serve is told so, and not to migrate first.
    monkeypatch.setenv("DATABASE_URL", address.superuser_dsn("template1"))
    status, _, said = cli("db", "check", *where)
    assert status == 1 and "let DATABASE_URL name the application role" in said
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    status, _, said = cli("client", "list", *where)
    assert status == 3 and "next: start it, or correct DATABASE_URL" in said


def test_the_doctor_says_what_is_there(there: Cli, cli: Cli, served: Serving, tmp_path: Path) -> None:
    status, said, _ = there("doctor")
    assert status == 0 and "it is running, supervised by process" in said
    assert f"OpenVest listens on port {served.port}" in said
    status, said, _ = cli("doctor", "--data-dir", str(tmp_path / "empty"), "--port", str(free_port()))
    assert status == 0 and "no database in" in said
    assert not (tmp_path / "empty").exists(), "a look changes nothing"


def test_the_doctor_and_db_check_see_what_would_stop_a_start(
    there: Cli, cli: Cli, served: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = read_address(served.data_dir / "postgres.json")

    def refused(sentence: str) -> None:
        status, said, _ = there("doctor")
        assert status == 1 and sentence in said
        status, _, said = there("db", "check")
        assert status == 1 and sentence in said

    def as_superuser(statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(address.superuser_dsn(address.database))
            await connection.execute(statement)
            await connection.close()

        asyncio.run(run())

    monkeypatch.setenv("OPENVEST_MASTER_KEY", "00" * 32)
    refused("The master key is not the one this database was sealed with")
    monkeypatch.setenv("OPENVEST_MASTER_KEY", "no key")
    refused("OPENVEST_MASTER_KEY does not hold 64 hexadecimal digits")
    monkeypatch.delenv("OPENVEST_MASTER_KEY")
    opened = "execute on function lo_creat(integer), lo_from_bytea(oid, bytea)"
    as_superuser(f"grant {opened} to public; grant {opened} to openvest_app")
    try:
        refused('REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_from_bytea(oid,bytea) FROM PUBLIC, "openvest_app";')
    finally:
        as_superuser(f"revoke {opened} from public, openvest_app")
    assert there("doctor")[0] == there("db", "check")[0] == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, said, _ = there("doctor", "--port", str(port))
        assert status == 1 and f"✘ Port {port} is taken by process {os.getpid()} (" in said
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "profile.toml").write_text(f'url = "{served.url}"\n')
    status, said, _ = cli("doctor", "--data-dir", str(folder))
    assert status == 1 and f"Port {served.port} is taken by process" in said, "it is another folder's"


def test_a_wrong_key_is_seen_beside_a_database_that_is_not_running(tmp_path: Path) -> None:
    environment = Environment(tmp_path)
    check_noted_key(environment)
    (tmp_path / "master.key").write_text("11" * 32)
    (tmp_path / "master.key.id").write_text(Secrets.from_hex("11" * 32).key_id + "\n")
    check_noted_key(environment)
    with pytest.raises(StartRefused, match="not the one"):
        check_noted_key(Environment(tmp_path, master_key="22" * 32))
    (tmp_path / "master.key").unlink()
    with pytest.raises(StartRefused, match="There is no master key"):
        check_noted_key(environment)


def test_a_start_notes_which_key_its_database_is_sealed_with(served: Serving) -> None:
    key = Secrets.from_hex((served.data_dir / "master.key").read_text())
    assert (served.data_dir / "master.key.id").read_text().strip() == key.key_id
