"""The command line: what it prints, how it refuses, and that every failure says what to do next."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from openvest.cli.app import run
from openvest.core.signing_keys import generate_ed25519
from tests.e2e.serving import Serving, free_port, wait_until

COMMANDS = """
serve|server|worker|demo|api|doctor|client create|client add-key|client list|client disable|client rotate-secret
|clock show|clock freeze|clock thaw|clock advance|ledger prove|ledger balances|events list|instruments import
|prices import|db migrate|db check
""".replace("\n", "").split("|")
"""Every command there is."""

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a command line in this process: status, what it printed, what it complained about."""
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL", "OPENVEST_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(list(arguments))
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def there(cli: Cli, served: Serving) -> Cli:
    """The same on the data directory of the served sandbox."""
    return lambda *arguments: cli(*arguments, "--data-dir", str(served.data_dir))


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


def test_what_replaces_a_process_keeps_its_options() -> None:
    from openvest.cli.processes import other_options
    from openvest.main.environment import Place
    from openvest.main.processes import Options

    assert other_options(Options(Place(Path("var")))) == ""
    options = Options(Place(Path("var")), port=8123, pace="instant", seed="7", webhooks_to=("127.0.0.1:1",))
    assert other_options(options) == " --port 8123 --pace instant --seed 7 --allow-webhooks-to 127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "status", "sentence", "next_step"),
    [
        (["clock", "advance"], 2, "exactly one of --by, --to and --next-open", "openvest clock advance --by P1D"),
        (["clock", "advance", "--by"], 2, "--by", "--help"),
        (["sell", "everything"], 2, "sell", "--help"),
        (["serve", "--seed", "abc"], 2, "--seed", "--help"),
        (["client", "disable", "me"], 2, "me is no client id", "openvest client list"),
        (["client", "create", "--tenant", "t", "--rate-limit", "fast"], 2, "--rate-limit", "--rate-limit 300"),
        (["client", "create", "--tenant", "t", "--frozen-at", "noon"], 2, "--frozen-at", "2026-03-02T09:30:00Z"),
        (["client", "create", "--tenant", "t", "--public-key", "none.pem"], 1, "cannot be read", "openssl"),
        (["api", "GET", "/users", "--profile", "none.toml"], 1, "There is no file none.toml", "openvest serve"),
    ],
)
def test_what_is_called_wrongly_is_told_with_one_next_step(
    cli: Cli, arguments: list[str], status: int, sentence: str, next_step: str
) -> None:
    ended, _, said = cli(*arguments)
    assert ended == status
    first, _, rest = said.partition("\nnext: ")
    assert sentence in first and next_step in rest


def test_a_server_that_is_not_there_is_a_matter_of_the_network(cli: Cli, served: Serving, tmp_path: Path) -> None:
    text = (
        (served.data_dir / "profile.toml")
        .read_text()
        .replace('private_key_file = "', f'private_key_file = "{served.data_dir}/')
    )
    profile = tmp_path / "profile.toml"
    profile.write_text(text.replace(served.url, f"http://127.0.0.1:{free_port()}"))
    status, _, said = cli("api", "GET", "/users", "--profile", str(profile))
    assert status == 3 and "does not answer" in said and "next: start it" in said


def test_api_prints_status_and_body_and_ends_by_it(there: Cli, tmp_path: Path) -> None:
    status, said, _ = there("api", "GET", "/instruments?limit=1")
    assert status == 0 and said.startswith("200\n")
    assert len(json.loads(said.partition("\n")[2])["data"]) == 1
    body = tmp_path / "body.json"
    body.write_text('{"title":"t"}')
    status, said, complaint = there("api", "POST", "/webhooks", "-d", f"@{body}")
    assert status == 1 and said.startswith("400\n") and "next: correct the fields" in complaint
    assert {error["field"] for error in json.loads(said.partition("\n")[2])["errors"]} == {"url"}


def test_clients_are_made_listed_given_keys_and_secrets(there: Cli, tmp_path: Path) -> None:
    create = ("client", "create", "--tenant", "acme", "--contract", "v1", "--scopes", "users:read orders:read")
    status, said, _ = there(*create, "--pace", "instant", "--frozen-at", "2026-03-02T09:30:00Z", "--json")
    made = json.loads(said)
    assert status == 0
    assert set(made) == {"tenant_id", "client_id", "client_secret", "key_id", "private_key_file"}
    assert Path(made["private_key_file"]).stat().st_mode & 0o777 == 0o600
    public = tmp_path / "public.pem"
    public.write_bytes(generate_ed25519()[1])
    status, said, _ = there(*create, "--public-key", str(public), "--rate-limit", "none", "--json")
    second = json.loads(said)
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


def test_a_refused_client_leaves_no_tenant(there: Cli, tmp_path: Path) -> None:
    pem = tmp_path / "none.pem"
    pem.write_text("no key")
    for options in (("--scopes", "users:write"), ("--public-key", str(pem))):
        assert there("client", "create", "--tenant", "left-over", *options)[0] == 1
        status, _, said = there("client", "list", "--tenant", "left-over")
        assert status == 1 and "There is no tenant left-over" in said
    status, _, said = there("client", "create", "--tenant", "")
    assert status == 1 and "The name of a tenant has" in said


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


def test_the_schema_is_brought_up_to_date_and_judged(there: Cli) -> None:
    assert there("db", "migrate") == (0, "the schema is up to date\n", "")
    assert there("db", "check")[0] == 0


def test_a_foreign_database_must_be_migrated_by_its_owner(
    cli: Cli, served: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from openvest.db.address import read_address

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
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    status, _, said = cli("client", "list", *where)
    assert status == 3 and "next: start it, or correct DATABASE_URL" in said


def test_the_doctor_says_what_is_there(there: Cli, cli: Cli, tmp_path: Path) -> None:
    status, said, _ = there("doctor")
    assert status == 0 and "it is running, supervised by process" in said
    status, said, _ = cli("doctor", "--data-dir", str(tmp_path / "empty"))
    assert status == 0 and "no database in" in said
    assert not (tmp_path / "empty").exists(), "a look changes nothing"


@pytest.mark.parametrize("url", ["foo", "mysql://a@b/c", "postgresql://a@127.0.0.1:port/c", "postgresql://a@b:99999/c"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_ADMIN_URL"])
def test_a_url_of_no_postgresql_is_refused_with_the_form_of_one(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    status, _, said = cli("db", "check", "--data-dir", str(tmp_path / "var"))
    assert status == 1 and f"{name} is not the URL" in said and "postgresql://ROLE" in said
    assert not (tmp_path / "var").exists()


def test_neither_a_look_nor_a_refusal_leaves_something_beside_a_foreign_database(
    cli: Cli, served: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from openvest.db.address import read_address

    monkeypatch.setenv("DATABASE_URL", read_address(served.data_dir / "postgres.json").app_dsn())
    folder = tmp_path / "var"
    assert cli("doctor", "--data-dir", str(folder))[0] == 0
    assert not folder.exists()
    status, _, said = cli("client", "list", "--data-dir", str(folder))
    assert status == 1 and "put master.key back" in said
    assert not (folder / "master.key").exists()


@pytest.mark.parametrize("group", [(), ("client",), ("db",)])
def test_a_group_without_a_command_shows_its_help_and_no_empty_sentence(cli: Cli, group: tuple[str, ...]) -> None:
    status, said, complaint = cli(*group)
    assert status == 2 and "Usage" in said + complaint and "openvest: \n" not in complaint


def test_a_tls_file_that_is_none_is_refused_before_a_database_is_made(cli: Cli, tmp_path: Path) -> None:
    pem = tmp_path / "chain.pem"
    pem.write_text("no certificate")
    status, _, said = cli("serve", "--data-dir", str(tmp_path / "var"), "--tls-cert", str(pem), "--tls-key", str(pem))
    assert status == 1 and "TLS cannot be served" in said
    assert not (tmp_path / "var").exists()


def test_a_data_directory_that_cannot_be_one_is_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for arguments in (("doctor",), ("client", "list"), ("serve", "--port", str(free_port()))):
        status, _, said = cli(*arguments, "--data-dir", str(file))
        assert status == 1 and str(file) in said and "--data-dir" in said, (arguments, said)
