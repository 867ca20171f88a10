"""Where a server may listen, which port is free, and what production refuses."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from openvest.db.checks import StartRefused
from openvest.main.exposure import (
    METRICS_PORT,
    check_exposure,
    check_port,
    is_loopback,
    metrics_port_again,
    metrics_ports,
    next_free,
    numeric,
    outward_url,
    url_of,
)
from openvest.main.processes import Child

CLEAR: dict[str, Any] = {"certificate": None, "key": None, "behind_proxy": False, "webhooks_to": ()}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_only_what_nobody_else_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def _chain_with_key() -> bytes:
    """A certificate of its own making and its key in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    since = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, since)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) + private


def test_production_takes_the_outside_under_tls_or_behind_a_proxy_only(tmp_path: Path) -> None:
    file = tmp_path / "some.pem"
    file.write_bytes(_chain_with_key())
    check_exposure("sandbox", "0.0.0.0", **CLEAR)
    check_exposure("production", "127.0.0.1", **CLEAR)
    check_exposure("production", "0.0.0.0", **CLEAR | {"behind_proxy": True})
    check_exposure("production", "0.0.0.0", **CLEAR | {"certificate": file, "key": file})
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        with pytest.raises(StartRefused, match="in the clear"):
            check_exposure("production", host, **CLEAR)


@pytest.mark.parametrize(
    ("mode", "options", "sentence"),
    [
        ("production", {"webhooks_to": ("127.0.0.1:9000",)}, "leave --allow-webhooks-to out"),
        ("production", {"pace": "instant"}, "leave --pace out"),
        ("sandbox", {"webhooks_to": ("nowhere",)}, "--allow-webhooks-to: .*HOST:PORT"),
        ("sandbox", {"certificate": Path("none.pem")}, "together"),
        ("sandbox", {"certificate": Path("none.pem"), "key": Path("none.pem")}, "There is no file none.pem"),
    ],
)
def test_options_that_do_not_fit_are_refused(mode: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StartRefused, match=sentence):
        check_exposure(mode, "127.0.0.1", **CLEAR | options)


def test_a_taken_port_is_told_with_one_that_is_free() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused, match=rf"^Port {port} on 127.0.0.1 is taken; start with --port \d+\.$"):
            check_port("127.0.0.1", port)
        free = next_free("127.0.0.1", port)
        assert free is not None and free > port
    check_port("127.0.0.1", port)
    with pytest.raises(StartRefused, match=r"try --host 127\.0\.0\.1"):
        check_port("192.0.2.1", port)


def test_every_process_gets_a_port_of_its_own_for_its_metrics() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for asked in (port, port - 1):
            with pytest.raises(
                StartRefused, match=rf"^Port ({asked}|{port}) for the metrics on .* is taken; start with "
            ):
                metrics_ports(asked, 2, 8000)
        with pytest.raises(StartRefused, match=r"start with --metrics-port \d+\.$") as refused:
            metrics_ports(port, 3, 8000)
        first = int(str(refused.value).rpartition(" ")[2].rstrip("."))
        assert metrics_ports(first, 3, 8000) == [first, first + 1, first + 2]
        others = [port, first]
        moved = metrics_port_again(port, others, 8000)
        assert moved not in (port, first, 8000)
        assert metrics_port_again(first, others, 8000) == first
        assert metrics_port_again(port, [port, moved], 8000) > moved
    free = metrics_ports(None, 3, METRICS_PORT)
    assert len(set(free)) == 3 and METRICS_PORT not in free, "the port of the API is not among them"
    with pytest.raises(StartRefused, match="is the port of the API; start with --metrics-port "):
        metrics_ports(first, 1, first)
    with pytest.raises(StartRefused, match="would be above 65535; start with another --metrics-port"):
        metrics_ports(65535, 2, 8000)


def test_urls_are_what_this_machine_can_open() -> None:
    assert url_of("127.0.0.1", 8000, tls=False) == "http://127.0.0.1:8000"
    assert url_of("0.0.0.0", 8000, tls=True) == "https://127.0.0.1:8000"
    assert url_of("::", 8000, tls=False) == "http://[::1]:8000"
    assert numeric("127.0.0.1") == "127.0.0.1"
    with pytest.raises(StartRefused):
        numeric("no.such.host.invalid")


def test_a_port_that_was_told_is_kept_although_somebody_took_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        for told in (True, False):
            ports = [port]
            Child((), ports, 0, 8000, told).find_port()
            assert (ports == [port]) is told


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_every_address_is_printed_as_one_that_can_be_reached(host: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listening:
        port = int(listening.getsockname()[1])
        urls = [url_of("0.0.0.0", port, tls=False), outward_url("0.0.0.0", port, tls=False)]
        for url in filter(None, urls):
            with socket.create_connection((url.rpartition("/")[2].rpartition(":")[0], port), timeout=5):
                assert "0.0.0.0" not in url
    shown = outward_url(host, 8000, tls=True)
    assert shown is None or (shown.startswith("https://") and "127.0.0.1" not in shown and "[::" not in shown)
    assert outward_url("127.0.0.1", 8000, tls=False) is None
