"""Headers that say what is sent and what is wanted back: accept, content type, API version, idempotency key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from openvest.core.contracts import ContractRules
from openvest.core.ids import KIND
from openvest.core.problems import InvalidRequest, MissingIdempotencyKey, NotAcceptable, UnsupportedMediaType
from openvest.core.schema import UUID_PATTERN
from openvest.declarations import Endpoint
from openvest.server.messages import Request

_JSON_RANGES = ("application/json", "application/*", "*/*")
_HTML_RANGES = ("text/html", "text/*", "*/*")
_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_FORM = "application/x-www-form-urlencoded"
_KEY = re.compile(UUID_PATTERN)


def check_accept(request: Request, endpoint: Endpoint) -> None:
    """Raises: NotAcceptable where JSON is not among what the request takes.

    Why not where there is no body: generated clients then accept nothing but the document of a refusal, which leaves
    whatever is accepted.
    """
    accept = request.text(b"accept")
    if accept is not None and endpoint.has_body and not _takes_json(accept):
        raise NotAcceptable("The answer is application/json, which the header accept leaves out.")


@lru_cache(maxsize=256)
def _takes_json(accept: str) -> bool:
    return _quality(accept, _JSON_RANGES) > 0 or accept.strip() == ""


@lru_cache(maxsize=256)
def prefers_html(accept: str) -> bool:
    """Whether HTML is wanted more than JSON, as browsers say it; who takes both alike gets JSON."""
    return _quality(accept, _HTML_RANGES) > _quality(accept, _JSON_RANGES)


def _quality(accept: str, ranges: Sequence[str]) -> float:
    """How much a media type is wanted: the most specific of its `ranges` decides. Source: RFC 9110, 12.5.1."""
    quality: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = [piece.strip() for piece in part.split(";")]
        weights = [float(found[1]) for parameter in parameters if (found := _WEIGHT.fullmatch(parameter))]
        quality[name] = min(weights, default=1.0)
    return next((quality[name] for name in ranges if name in quality), 0.0)


def check_content_type(request: Request, endpoint: Endpoint) -> None:
    """Raises: UnsupportedMediaType where a body is not in the form the endpoint reads."""
    if not request.body or endpoint.body is None:
        return
    wanted = _FORM if endpoint.form else "application/json"
    if not _is(request.text(b"content-type") or "", wanted):
        raise UnsupportedMediaType(f"The body is to be {wanted} in UTF-8.")
    if b"content-encoding" in request.fields and request.text(b"content-encoding") != "identity":
        raise UnsupportedMediaType("The body is to be sent without a content encoding.")


@lru_cache(maxsize=256)
def _is(content_type: str, wanted: str) -> bool:
    name, *parameters = [piece.strip() for piece in content_type.lower().split(";")]
    charsets = [p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")]
    return name == wanted and all(charset in ("utf-8", "utf8") for charset in charsets)


def check_version(request: Request) -> None:
    """Raises: InvalidRequest for a version of the API that is not served."""
    version = request.text(b"upvest-api-version")
    if version is not None and version != "1":
        raise InvalidRequest("The header upvest-api-version takes the value 1 only.")


def idempotency_key(request: Request, endpoint: Endpoint, rules: ContractRules) -> UUID | None:
    """The key, where this operation takes one by the rules of its contract; elsewhere what is sent is ignored.

    Raises: MissingIdempotencyKey, InvalidRequest.
    """
    if not endpoint.takes_key(rules):
        return None
    text = request.text(b"idempotency-key")
    if text is None or text == "":
        if endpoint.demands_key(rules):
            raise MissingIdempotencyKey("The header idempotency-key is required for this operation.")
        return None
    if not _KEY.fullmatch(text):
        raise InvalidRequest("The header idempotency-key is not a UUID of version 1 to 5.")
    return KIND.make(text)
