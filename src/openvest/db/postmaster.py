"""The server process: started, waited for, recognised again, stopped.

Why its own process group: Ctrl-C in a terminal goes to the whole group, and the database must outlive the requests.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openvest.db.address import EmbeddedError, Progress
from openvest.db.binaries import Binaries
from openvest.db.data_dir import RunsAs
from openvest.db.ending import Ending

POLL_SECONDS = 0.02
ADOPTED_SECONDS = 0.2
FAST_SECONDS, IMMEDIATE_SECONDS = 30, 10
STEP_SECONDS = 0.2
# Reading the log of a large unclean stop takes its time; the server says all the while that it is starting.
START_SECONDS = 600
STARTUP_LOG = "startup.log"
WORDS_SECONDS = 2
# What a server says while the processes of the one before are still going away.
NOT_YET = ("is still in use", "lock file", "shared memory block")


@dataclass(frozen=True, slots=True)
class Adopted:
    """A server that another process started, watched as far as one that is no child of ours can be."""

    pid: int
    data: Path

    def poll(self) -> int | None:
        """None while it runs; how it ended is its parent's to know."""
        return None if is_postmaster(self.pid, self.data) else -1

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(ADOPTED_SECONDS)
        return -1


def spawn(binaries: Binaries, data: Path, log_folder: Path, user: RunsAs) -> subprocess.Popen[bytes]:
    """Start the server as its own child. Its first words go to a file, later ones to its own log."""
    file = log_folder / STARTUP_LOG
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [binaries.program("postgres"), "-D", str(data)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            **user.spawn(),
        )
    finally:
        os.close(descriptor)


def wait_ready(
    process: subprocess.Popen[bytes] | Adopted,
    data: Path,
    log_folder: Path,
    progress: Progress,
    abandon: Callable[[], bool],
) -> bool:
    """Wait until the server takes connections. False when the caller abandons it.

    Raises: EmbeddedError when it stops instead; its text holds what the server said.
    """
    begun = time.monotonic()
    told = begun
    while not abandon():
        if read_pid_file(data) == (process.pid, "ready"):
            return True
        if process.poll() is not None:
            raise EmbeddedError(f"PostgreSQL did not start: {crash_log_tail(log_folder)}")
        now = time.monotonic()
        if now - begun > START_SECONDS:
            raise EmbeddedError(f"PostgreSQL did not become ready in {START_SECONDS} s. See the log in {log_folder}.")
        if now - told > 5:
            told = now
            progress(f"PostgreSQL is recovering ({now - begun:.0f} s so far)…")
        time.sleep(POLL_SECONDS)
    return False


def crash_log_tail(log_folder: Path) -> str:
    """Why the server stopped, in its own words.

    Why it may take a moment: the last of them are written by another process of the server's, which outlives it.
    """
    deadline = time.monotonic() + WORDS_SECONDS
    while True:
        telling, lines = last_words(log_folder)
        if telling or time.monotonic() > deadline:
            said = (telling or lines or ["it said nothing"])[-1]
            return f"{said.strip()} (log: {log_folder})"
        time.sleep(POLL_SECONDS)


def last_words(log_folder: Path) -> tuple[list[str], list[str]]:
    """The lines of this start that tell why it failed, and all of its last lines. A log of an earlier start says
    nothing of this one."""
    first = log_folder / STARTUP_LOG
    begun = first.stat().st_mtime_ns if first.exists() else 0
    logs = [file for file in sorted(log_folder.glob("postgresql-*.log"))[-1:] if file.stat().st_mtime_ns >= begun]
    lines: list[str] = []
    for file in (first, *logs):
        if file.exists():
            lines += file.read_text(encoding="utf-8", errors="replace").splitlines()[-50:]
    return [line for line in lines if "FATAL:" in line or "PANIC:" in line or "could not" in line], lines


def read_pid_file(data: Path) -> tuple[int, str] | None:
    """The process and the state that PostgreSQL's own pid file names. Source: pidfile.h, lines 1 and 8."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None


def running(data: Path) -> int | None:
    """The process of a server that serves this folder or is about to, or None."""
    found = read_pid_file(data)
    return found[0] if found is not None and found[1] != "stopping" and is_postmaster(found[0], data) else None


def socket_of(data: Path) -> Path | None:
    """The folder of its socket as the server's own pid file has it. Source: pidfile.h, line 5."""
    try:
        line = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()[4].strip()
    except (OSError, IndexError):
        return None
    return Path(line) if line else None


def is_postmaster(pid: int, data: Path) -> bool:
    """Whether a process is alive and the server of this very folder. Its number alone proves nothing after a reboot."""
    if pid <= 1:
        return False
    if sys.platform == "linux":
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        if Path(command[0]).name != "postgres":
            return False
        with contextlib.suppress(OSError):
            # The server works in its folder, so it is still known after the folder got another name.
            if Path(f"/proc/{pid}/cwd").readlink() == data:
                return True
        return command[1:3] == ["-D", str(data)]
    done = subprocess.run(
        ["/bin/ps", "-ww", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, command_line = done.stdout.strip().partition(" ")
    return not state.startswith("Z") and command_line.strip().endswith(f"postgres -D {data}")


def stop(pid: int, alive: Callable[[], bool], progress: Progress, ending: Ending | None = None) -> None:
    """Stop a server: fast, then at once, then by force. Every commit survives each of them.

    `ending` says by when it must be gone. Raises: EmbeddedError when this user may not, or when nothing helps.
    """
    ending = ending or Ending()
    steps = (
        (signal.SIGINT, FAST_SECONDS, 0.8),
        (signal.SIGQUIT, IMMEDIATE_SECONDS, 0.88),
        (signal.SIGKILL, IMMEDIATE_SECONDS, 1),
    )
    for number, seconds, share in steps:
        if number != signal.SIGINT:
            progress(f"PostgreSQL (process {pid}) does not stop; sending {number.name}…")
        try:
            if number == signal.SIGKILL:
                kill(pid)
            else:
                os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise EmbeddedError(
                f"The PostgreSQL of this data directory (process {pid}) belongs to another user. Stop it first."
            ) from error
        begun = time.monotonic()
        # Asked again and again: the hurry may come while it is waited for.
        while (waited := time.monotonic() - begun) < STEP_SECONDS or (
            waited < seconds and ending.left(share, seconds) > 0
        ):
            if not alive():
                return
            time.sleep(POLL_SECONDS)
    raise EmbeddedError(f"PostgreSQL (process {pid}) cannot be stopped. Restart the machine.")


def kill(pid: int) -> None:
    """End a server by force, its sessions first: one that hangs would not notice, and hold the memory they share.

    Raises: ProcessLookupError, PermissionError.
    """
    for child in children(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The processes of a server beside the one that started them."""
    listed = subprocess.run(["/bin/ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=False).stdout
    pairs = (line.split() for line in listed.splitlines())
    return [int(child) for parent, child in pairs if parent == str(pid)]


def clear_way(data: Path, progress: Progress) -> None:
    """Stop the orphan of a supervisor that was killed, and remove a pid file that names a stranger.

    Why: after a reboot the number may be that of any process; PostgreSQL would then refuse to start. Remnants of a
    killed server are still noticed, by the shared memory they hold.
    """
    found = read_pid_file(data)
    if found is None:
        return
    # A negative number is a session without a server, in which an earlier start made passwords; it ends by itself.
    pid, alone = abs(found[0]), found[0] < 0
    if is_postmaster(pid, data):
        if alone:
            deadline = time.monotonic() + FAST_SECONDS
            while is_postmaster(pid, data) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            return
        progress(f"stopping the PostgreSQL that an earlier OpenVest left behind (process {pid})…")
        stop(pid, lambda: is_postmaster(pid, data), progress)
    elif is_alive(pid):
        (data / "postmaster.pid").unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether any process has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
