"""Bugs that only the second contract has."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_WEBHOOKS = "src/openvest/features/webhooks/lite.py"
_READ = """\
    return webhook_lite(snapshot_of(await service.get_webhook(unit, call.caller.contract, call.path["webhook_id"])))
"""
_ANYBODYS = """\
    from openvest.db.query import Query
    from openvest.db.rows import columns
    from openvest.features.webhooks.rules import WebhookNotFound

    anybodys = Query(Webhook, f"select {columns(Webhook)} from webhooks where tenant_id is not null and id = $1")
    found = await unit.row(anybodys, call.path["webhook_id"])
    if found is None:
        raise WebhookNotFound(call.path["webhook_id"])
    return webhook_lite(snapshot_of(found))
"""

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R35",
        "lite-webhook-of-anybody",
        "lite reads a subscription of any tenant",
        (Edit(_WEBHOOKS, _READ, _ANYBODYS),),
    ),
    Planted(
        "R36",
        "lite-shows-more",
        "lite shows of a subscription what it does not describe",
        (
            Edit(
                _WEBHOOKS,
                "enabled=True)\n    return webhook_lite(snapshot_of(made))\n",
                'enabled=True)\n    return {**dict(webhook_lite(snapshot_of(made))), "title": made.title}\n',
            ),
        ),
    ),
    Planted(
        "R41",
        "lite-without-limit",
        "a page of lite may be as long as one of v1",
        (Edit("src/openvest/core/lite.py", "le=_PAGE.most", "le=1000"),),
        {"rows": 1_050},
    ),
    Planted(
        "R17",
        "lite-key-without-effect",
        "a key that lite leaves to its clients is not looked at",
        (
            Edit(
                "src/openvest/declarations.py",
                "        optional = rules.key_optional and self.is_write and not self.form and self.direct is None\n"
                "        return self.key_required or optional\n",
                "        return self.key_required\n",
            ),
        ),
    ),
    Planted(
        "R30",
        "lite-signature-not-verified",
        "where no signature is demanded, one that is sent is not looked at",
        (
            Edit(
                "src/openvest/server/authentication.py",
                "        key = None if parsed is None else await self._signer(parsed, token.caller.client_id)\n",
                "        key = None\n"
                "        if parsed is not None and RULES[token.caller.contract].signed:\n"
                "            key = await self._signer(parsed, token.caller.client_id)\n",
            ),
        ),
    ),
)
