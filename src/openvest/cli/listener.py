"""A webhook receiver on localhost: it keeps what arrives and answers 200. What it kept is judged afterwards."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP521R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from openvest.core.http_signatures import SignatureRefused, SignedMessage, parse_signature, verify_signature
from openvest.core.signing_keys import PublicKey, load_public_key


@dataclass(frozen=True, slots=True)
class Delivery:
    """One package as it arrived. Units: `at` is Unix seconds."""

    message: SignedMessage
    fields: Mapping[str, str]
    at: float

    @property
    def events(self) -> list[dict[str, Any]]:
        return json.loads(self.message.body)["payload"]

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The last number of the package before, and this one's first and last."""
        first, last = self.fields["openvest-sequence"].split("-")
        return int(self.fields["openvest-previous-sequence"]), int(first), int(last)

    def signed_by(self, keys: Mapping[str, PublicKey]) -> str | None:
        """None where one of these keys signed it, else why not."""
        try:
            parsed = parse_signature(self.message, self.at, names_caller=False)
            verify_signature(parsed, keys[parsed.key_id])
        except SignatureRefused as error:
            return str(error) or "refused"
        except KeyError as error:
            return f"there is no verification key {error}"
        return None


@dataclass(slots=True)
class Mailbox:
    """Where the receiver listens, and what arrived so far."""

    port: int
    deliveries: list[Delivery] = field(default_factory=list[Delivery])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def listening(
    seconds: Callable[[], float], port: int = 0, heard: Callable[[Delivery], object] | None = None
) -> Generator[Mailbox]:
    """Receive as long as the block lasts, on this port or else a free one.

    `seconds` is the wall clock that signatures are judged by. `heard` gets each package before it is acknowledged,
    one after the other; without it they are kept. Raises: OSError for a port that cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            path, _, query = self.path.partition("?")
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
            message = SignedMessage("POST", path.encode(), query.encode(), headers, body)
            fields = {name.lower(): value for name, value in self.headers.items()}
            delivery = Delivery(message, fields, seconds())
            with one_by_one:
                keep(delivery)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the console is the story's."""

    one_by_one = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    box = Mailbox(server.server_port)
    keep = heard or box.deliveries.append
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="webhooks", daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def keys_of(document: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, PublicKey]:
    """The verification keys by id. Shape: a JSON Web Key set of P-521 keys."""
    keys: dict[str, PublicKey] = {}
    for jwk in document["keys"]:
        numbers = EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), SECP521R1())
        pem = numbers.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        keys[jwk["kid"]] = load_public_key(pem)
    return keys


def gaps(deliveries: Sequence[Delivery]) -> list[str]:
    """Where the packages do not follow one another, from the first on.

    A package may have fewer events than numbers: those between are not told to this subscription.
    """
    found: list[str] = []
    reached: int | None = None
    for delivery in deliveries:
        before, first, last = delivery.numbers
        if reached is not None and before != reached:
            found.append(f"after {reached} came a package that follows {before}")
        if not 0 < len(delivery.events) <= last - first + 1:
            found.append(f"package {first}-{last} has {len(delivery.events)} events")
        reached = last
    return found


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
