"""What the README shows is so: the call by hand works as it stands, the commands exist, the links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import asyncpg
import httpx
import pytest

from openvest.db.checks import check_large_objects, check_role
from openvest.db.migrate import apply_migrations, check_schema, migrations_folder, read_folder
from openvest.features.instruments.service import load_master
from tests.e2e.serving import Serving, openvest
from tests.kit.cluster import Cluster
from tools.markdown import anchor

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NEEDED = ("openssl", "curl", "base64", "sed")


USER = """
token=$(signed POST /auth/token "content-type: application/x-www-form-urlencoded" "$form%20users:admin" |
    sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
for name in Mueller Müller 漢字; do
    signed POST "/users/$(value user_id)/data_change_requests" "authorization: Bearer $token
content-type: application/json" '{"birth_name":"'$name'"}' -o /dev/null
done
for path in /users '/users?limit=0' '/users?' '/users?limit=1&sort=created_at' /users; do
    signed GET "$path" "authorization: Bearer $token" | tr -d '\\n'; echo
done
"""
"""What the function is good for besides: letters beyond ASCII, queries, and several calls within one second."""


@pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason="the call by hand needs openssl and curl")
def test_the_signed_call_by_hand_works_as_it_stands(served: Serving) -> None:
    script = next(block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "openssl dgst" in block)
    assert script.startswith("cd var\n")
    script = script.replace("cd var\n", f"cd '{served.data_dir}'\n")
    for shell in filter(shutil.which, ("sh", "bash")):
        done = subprocess.run(
            [shell, "-eu", "-c", f"{script}\necho\n{USER}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stderr
        first, *pages = [json.loads(line) for line in done.stdout.splitlines()]
        # Other tests of this sandbox may have made more users.
        users = first["meta"]["total_count"]
        assert first["data"][0]["status"] == "ACTIVE", done.stdout
        assert [page["meta"]["count"] for page in pages] == [users, 0, users, 1, users], done.stdout


@pytest.mark.anyio
async def test_the_roles_it_makes_can_migrate_and_serve(cluster: Cluster) -> None:
    script = next(iter(re.findall(r"```sql\n(.*?)```", README, re.DOTALL)))
    # Under other names: the roles are the server's, which other tests use.
    script = re.sub(r"\bopenvest(_owner|_app)?\b", r"readme\1", script)
    before, _, inside = script.partition("\\connect readme\n")
    for database, statements in (("postgres", before), ("readme", inside)):
        superuser = await asyncpg.connect(cluster.dsn(database, "postgres"))
        for statement in filter(str.strip, statements.split(";\n")):
            await superuser.execute(statement)
        await superuser.close()
    owner = await asyncpg.connect(cluster.dsn("readme", "readme_owner"))
    await apply_migrations(owner, "readme_app", migrations=read_folder(migrations_folder()))
    await load_master(owner)
    await owner.close()
    app = await asyncpg.connect(cluster.dsn("readme", "readme_app"))
    for check in (check_role, check_schema, check_large_objects):
        await check(app)
    await app.close()


def test_the_addresses_it_names_answer(served: Serving) -> None:
    section = README.partition("## Watching it")[2].partition("\n## ")[0]
    table = re.findall(r"^\| (`[/h].*?) \| .* \|$", section, re.MULTILINE)
    named = re.findall(r"`([^`]+)`", " ".join(table))
    assert {"/", "/health/live", "/health/ready", "/docs", "/openapi/v1.json", "/openapi/lite.json"} <= set(named)
    with httpx.Client(verify=False) as http:
        told = http.get(f"{served.url}/").json()["metrics"]
        for address in named:
            url = told if address.endswith("/metrics") else served.url + address
            assert [http.get(url).status_code, http.head(url).status_code] == [200, 200], url


def test_every_command_it_names_is_one() -> None:
    named = set(re.findall(r"`openvest ([a-z]+)", README))
    assert named >= {
        "serve",
        "client",
        "tenants",
        "api",
        "clock",
        "ledger",
        "events",
        "instruments",
        "prices",
        "db",
        "doctor",
    }
    listed = openvest("--help").stdout
    assert [name for name in named if not re.search(rf"\b{name}\b", listed)] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []
    headings = {anchor(line.lstrip("# ")) for line in README.splitlines() if line.startswith("#")}
    inside = re.findall(r"\]\(#([^)]+)\)", README)
    assert len(inside) >= 3 and set(inside) <= headings
