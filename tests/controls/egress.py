"""Bugs planted against the gates of `tests.gates.egress`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

PLANTED = (
    Planted(
        "R38",
        "is-global",
        "the library's is_global decides what is public",
        (
            Edit(
                "src/openvest/worker/address_guard.py",
                "    if isinstance(parsed, IPv4Address):\n",
                "    return parsed.is_global\n    if isinstance(parsed, IPv4Address):\n",
            ),
        ),
    ),
    Planted(
        "R38",
        "follows-redirects",
        "redirects are followed",
        (Edit("src/openvest/worker/webhook_sender.py", "allow_redirects=False", "allow_redirects=True"),),
    ),
    Planted(
        "R38",
        "judges-only-with-a-list",
        "addresses are judged only where there is an allow-list",
        (
            Edit(
                "src/openvest/worker/address_guard.py",
                '        if f"{host}:{port}" not in self._allowed and not all',
                '        if self._allowed and f"{host}:{port}" not in self._allowed and not all',
            ),
        ),
    ),
)
