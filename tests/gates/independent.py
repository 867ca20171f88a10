"""A verifier of webhook signatures that shares no line with ours: written from the published protocol alone."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.kit.receiver import Delivery

_INPUT = re.compile(r'^sig1=(\((?P<names>[^)]*)\)(?P<params>(?:;[a-z]+=(?:"[^"]*"|[0-9]+))*))$')
_PARAM = re.compile(r';([a-z]+)=(?:"([^"]*)"|([0-9]+))')
_MUST = {"@method", "@path", "content-type", "digest", "openvest-sequence", "openvest-previous-sequence"}


@dataclass
class Checked:
    """What a delivery's signature says of it."""

    key_id: str = ""
    findings: list[str] = field(default_factory=list[str])


def verify_webhook(delivery: Delivery, keys: Mapping[str, str], now: float) -> Checked:
    """Check one delivery against the published keys. Shape: `keys` are PEM texts by key id."""
    told = Checked()
    headers = delivery.fields
    found = _INPUT.match(headers["signature-input"])
    if found is None:
        told.findings.append(f"signature-input is {headers['signature-input']!r}")
        return told
    params = {name: text or number for name, text, number in _PARAM.findall(found["params"])}
    told.key_id = params.get("keyid", "")
    names = re.findall(r'"([^"]+)"', found["names"])
    query = delivery.message.query.decode()
    if missing := (_MUST | ({"@query"} if query else set())) - set(names):
        told.findings.append(f"not covered: {sorted(missing)}")
    if not int(params["created"]) - 5 <= now <= int(params["expires"]) + 5:
        told.findings.append(f"created {params['created']}, expires {params['expires']}, now {now:.0f}")
    if headers["digest"] != "SHA-256=" + base64.b64encode(hashlib.sha256(delivery.body).digest()).decode():
        told.findings.append(f"digest is {headers['digest']!r}")
    derived = {"@method": "POST", "@path": delivery.message.path.decode(), "@query": f"?{query}"}
    lines = [f"{name}: {derived.get(name, headers.get(name, ''))}" for name in names]
    base = "\n".join([*lines, f"@signature-params: {found[1]}"])
    if told.key_id not in keys:
        told.findings.append(f"key {told.key_id} is not published")
        return told
    key = load_pem_public_key(keys[told.key_id].encode())
    signature = base64.b64decode(headers["signature"].removeprefix("sig1=:").removesuffix(":"), validate=True)
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        key.verify(signature, base.encode(), ec.ECDSA(SHA512()))
    except InvalidSignature:
        told.findings.append(f"the signature of {delivery.fields['openvest-sequence']} does not verify")
    return told
