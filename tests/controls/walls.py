"""Bugs planted against the gates of `tests.gates.walls`.

A wall of the database is taken down by a migration that comes after all others.
"""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_AFTER = "migrations/9999_plant_a_bug.sql"


def _migration(gate: str, name: str, what: str, sql: str) -> Planted:
    return Planted(gate, name, what, (Edit(_AFTER, "", sql + ";\n"),))


PLANTED: tuple[Planted, ...] = (
    _migration(
        "R46", "a-grant-too-many", "the application may update entries", "grant update on entries to openvest_app"
    ),
    _migration(
        "R46", "rows-without-a-wall", "users have no row-level security", "alter table users disable row level security"
    ),
    _migration(
        "R46",
        "a-policy-that-writes",
        "a policy lets rows of others in",
        "alter policy tenant on topups with check (true)",
    ),
    _migration("R46", "no-zero-trigger", "nothing sums up a journal", "drop trigger entries_zero on entries"),
    _migration("R46", "no-entries-trigger", "a journal may be empty", "drop trigger journals_entries on journals"),
    _migration(
        "R46",
        "a-key-less",
        "an account may be opened in a group that is not there",
        "alter table accounts drop constraint accounts_tenant_id_account_group_id_fkey",
    ),
    _migration(
        "R46", "a-range-less", "a balance may go below zero", "alter table balances drop constraint balances_available"
    ),
    _migration(
        "R46", "a-state-more", "an order may have any state", "alter table orders drop constraint orders_status_check"
    ),
    _migration(
        "R47",
        "a-table-without-a-wall",
        "a new table of tenants has no policy",
        "create table gifts (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id))",
    ),
    _migration("R47", "a-wall-not-forced", "the owner is not held", "alter table orders no force row level security"),
    _migration(
        "R47",
        "anybody-asks-the-owner",
        "a function of the owner is for everybody",
        "grant execute on function find_token(bytea) to public",
    ),
    Planted(
        "R47",
        "a-role-that-climbs",
        "the role that serves bypasses row-level security",
        (
            Edit(
                "src/openvest/db/cluster.py",
                '"LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"',
                '"LOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"',
            ),
        ),
    ),
    Planted(
        "R46",
        "defaults-that-last",
        "a session is as the defaults of its role say",
        (Edit("src/openvest/db/connections.py", '    "default_transaction_read_only": "off",\n', ""),),
    ),
    Planted(
        "R46",
        "commits-as-the-role-says",
        "a session waits for its commits only if the defaults of its role do",
        (Edit("src/openvest/db/connections.py", "    await connection.execute(_WAITS_FOR_COMMITS)\n", ""),),
    ),
    Planted(
        "R47",
        "objects-of-nobody",
        "the role that serves may make large objects",
        (
            Edit(
                "src/openvest/db/cluster.py",
                "[*closed_functions(), *_role_statements(passwords), *_database_statements()]",
                "[*_role_statements(passwords), *_database_statements()]",
            ),
        ),
    ),
    Planted(
        "R48",
        "a-body-in-the-log",
        "the line of a request repeats its body",
        (
            Edit(
                "src/openvest/server/logs.py",
                '{"request_id": request.request_id, "operation": operation}',
                '{"request_id": request.request_id, "operation": operation, "body": request.body.decode()}',
            ),
        ),
    ),
    Planted(
        "R48",
        "an-iban-unsealed",
        "who paid is stored as it is",
        (
            Edit(
                "src/openvest/features/bank/service.py",
                "sealed_parties=unit.secrets.seal(parties, PARTIES.place(id=line_id)),",
                "sealed_parties=parties,",
            ),
        ),
    ),
    Planted(
        "R48",
        "a-number-unsealed",
        "a national id is stored as it is",
        (
            Edit(
                "src/openvest/features/onboarding/service_identifiers.py",
                "unit.secrets.seal(identifier.encode(), IDENTIFIER.place(id=identifier_id)) if",
                "identifier.encode() if",
            ),
        ),
    ),
)
