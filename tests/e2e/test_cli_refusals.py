"""What the command line refuses: a sentence, one next step, and nothing left behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.serving import Cli, Serving, free_port

NOBODY = "6f1f4b9e-0b0e-4f5e-8f5e-000000000000"
"""The id of no client."""


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


@pytest.mark.parametrize(
    "arguments",
    [
        ("client", "list"),
        ("client", "disable", NOBODY),
        ("client", "rotate-secret", NOBODY),
        ("ledger", "prove"),
        ("ledger", "balances"),
        ("ledger", "segregation"),
        ("events", "list"),
        ("db", "check"),
    ],
)
def test_a_look_into_a_folder_without_a_database_makes_none(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / "misspelt"
    status, said, complaint = cli(*arguments, "--data-dir", str(folder))
    assert (status, said) == (1, "") and complaint.startswith(
        f"openvest: There is no database in {folder}.\nnext: name "
    )
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence", "next_step"),
    [
        (("client", "disable", NOBODY), f"There is no client {NOBODY} in use.", "openvest client list shows"),
        (("client", "rotate-secret", NOBODY), f"There is no client {NOBODY} in use.", "openvest client list shows"),
        (("events", "list", "--tenant", "nobody"), "There is no tenant nobody; known: ", "name one of them: --tenant "),
        (
            ("ledger", "prove", "--tenant", "nobody"),
            "There is no tenant nobody; known: ",
            "name one of them: --tenant ",
        ),
        (("client", "create", "--tenant", "t", "--scopes", "fly"), "There is no scope fly.", "correct it"),
        (("clock", "advance", "--by", "4days"), "The server answered 400.", "correct what the answer names"),
        (("clock", "advance", "--next-open", "XNYS"), "The server answered 422.", "read the detail above"),
        (("api", "POST", "/webhooks", "-d", "{bad"), "The server answered 400.", "correct what the answer names"),
        (("api", "POST", "/webhooks", "-d", "@none.json"), "The body cannot be read", "give -d JSON"),
        (("api", "PUT", "/users"), "The server answered 405.", "use a method that the answer names"),
        (("api", "GET", "/nothing"), "The server answered 404.", "check the id and the path"),
        (("api", "GET", "users"), "Give the path and query only", "write the path as it goes over the wire"),
        (("instruments", "import", "none.csv"), "none.csv cannot be read", "give the path of a CSV file"),
    ],
)
def test_what_cannot_be_done_is_told_with_one_next_step(
    there: Cli, arguments: tuple[str, ...], sentence: str, next_step: str
) -> None:
    status, _, said = there(*arguments)
    assert status in (1, 2) and "Traceback" not in said
    told = said[said.index("openvest: ") :]
    first, *steps = told.split("\nnext: ")
    assert sentence in first and len(steps) == 1 and steps[0].startswith(next_step), said


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


def test_a_profile_that_cannot_be_used_is_to_be_mended(cli: Cli, served: Serving, tmp_path: Path) -> None:
    text = (served.data_dir / "profile.toml").read_text()
    profile = tmp_path / "profile.toml"
    for broken, sentence in (
        (re.sub(r"(?m)^client_id.*$", "", text), f"{profile} does not say client_id."),
        (re.sub(r"(?m)^private_key_file.*$", 'private_key_file = "gone.pem"', text), "There is no file "),
        ("no profile", f"{profile} is no profile"),
    ):
        profile.write_text(broken)
        status, _, said = cli("api", "GET", "/users", "--profile", str(profile))
        assert status == 1 and said.startswith(f"openvest: {sentence}") and "\nnext: name another profile" in said


def test_a_refused_client_leaves_no_tenant(there: Cli, tmp_path: Path) -> None:
    pem = tmp_path / "none.pem"
    pem.write_text("no key")
    for options in (("--scopes", "users:write"), ("--public-key", str(pem))):
        assert there("client", "create", "--tenant", "left-over", *options)[0] == 1
        status, _, said = there("client", "list", "--tenant", "left-over")
        assert status == 1 and "There is no tenant left-over" in said
    status, _, said = there("client", "create", "--tenant", "")
    assert status == 1 and "The name of a tenant has" in said


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
    status, said, _ = cli("doctor", "--data-dir", str(folder), "--port", str(free_port()))
    assert status == 1 and "put master.key back" in said
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
