"""Bugs planted against the gates of `tests.gates.events`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_STORE = "src/openvest/features/webhooks/store.py"
_DELIVERIES = "src/openvest/worker/deliveries.py"

PLANTED = (
    Planted(
        "R21",
        "sent-before-the-answer",
        "a package counts as arrived before the endpoint has answered",
        (
            Edit(
                "src/openvest/features/webhooks/service.py",
                "    return await unit.rows(store.LEASE, unit.tenant_id, room.fresh, room.failing, token, "
                "lease_seconds)\n",
                "    leased = await unit.rows(store.LEASE, unit.tenant_id, room.fresh, room.failing, token, "
                "lease_seconds)\n"
                "    await record_outcomes(unit, [Outcome(package, None) for package in leased])\n"
                "    return leased\n",
            ),
        ),
        {"kills": 20, "events_per_kill": 5},
    ),
    Planted(
        "R22",
        "one-after-the-other",
        "a tenant's packages are sent one after the other",
        (
            Edit(_DELIVERIES, "\nAT_ONCE = 64\n", "\nAT_ONCE = 1\n"),
            Edit(_DELIVERIES, "\nYOUNG_SECONDS = 0.25\n", "\nYOUNG_SECONDS = 60\n"),
            Edit(_DELIVERIES, "\nFAILING_AT_ONCE = 32\n", "\nFAILING_AT_ONCE = 1\n"),
        ),
        {"rounds": 1},
    ),
    Planted(
        "R22",
        "redirects-succeed",
        "everything below 400 counts as a success",
        (Edit(_DELIVERIES, "200 <= receipt.status <= 299", "200 <= receipt.status <= 399"),),
        {"rounds": 1},
    ),
    Planted(
        "R22",
        "silent-names-hold-all",
        "all names are looked up by the same threads",
        (
            Edit(
                "src/openvest/worker/address_guard.py",
                "self._proven if host in self._quick else self._doubtful",
                "self._proven",
            ),
        ),
        {"rounds": 1},
    ),
    Planted(
        "R22",
        "any-certificate-will-do",
        "nobody looks whose certificate it is",
        (
            Edit(
                "src/openvest/worker/webhook_sender.py",
                "ssl=self._tls or _modern_tls(),",
                "ssl=False,",
            ),
        ),
        {"rounds": 1},
    ),
    Planted(
        "R23",
        "early-retries",
        "the second failure waits as long as the first",
        (Edit("src/openvest/features/webhooks/rules.py", "(1, 2, 3, 5, 8, 13,", "(1, 1, 3, 5, 8, 13,"),),
    ),
    Planted(
        "R23",
        "failing-since-just-now",
        "every failure counts as the first, so that nobody is ever taken for gone",
        (Edit(_STORE, "failing_since = least(failing_since, wire_now())", "failing_since = wire_now()"),),
    ),
    Planted(
        "R24",
        "old-keys-vanish",
        "only the newest key is published",
        (
            Edit(
                "src/openvest/features/tenants/service.py",
                "    return await unit.rows(store.VERIFY_KEYS, unit.tenant_id)",
                "    return (await unit.rows(store.VERIFY_KEYS, unit.tenant_id))[:1]",
            ),
        ),
        {"deliveries": 100},
    ),
    Planted(
        "R24",
        "unsigned-sequence",
        "the sequence is sent without being signed",
        (Edit("src/openvest/core/http_signing.py", '    b"openvest-sequence",\n', ""),),
        {"deliveries": 20},
    ),
)
