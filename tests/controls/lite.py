"""Bugs that a second contract may have: a throwaway lite is served beside the first one where they are planted."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_PAYMENTS = "tests/resources/lite/payments.py"
_READ = '    return topup_lite(snapshot_of(await service.get_topup(unit, call.path["topup_id"])))\n'
_ANYBODYS = """\
    from openvest.db.query import Query
    from openvest.db.rows import columns
    from openvest.features.payments.model import Topup
    from openvest.features.payments.rules import UnknownTopup

    anybodys = Query(Topup, f"select {columns(Topup)} from topups where tenant_id is not null and id = $1")
    found = await unit.row(anybodys, call.path["topup_id"])
    if found is None:
        raise UnknownTopup("There is no top-up of this id.")
    return topup_lite(snapshot_of(found))
"""

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R35",
        "lite-topup-of-anybody",
        "lite reads a top-up of any tenant",
        (Edit(_PAYMENTS, _READ, _ANYBODYS),),
        lite=True,
    ),
    Planted(
        "R36",
        "lite-shows-more",
        "lite shows of a top-up what it does not describe",
        (
            Edit(
                _PAYMENTS,
                "    return topup_lite(snapshot_of(await service.create_topup(unit, _new_topup(call.body))))\n",
                "    topup = await service.create_topup(unit, _new_topup(call.body))\n"
                '    return {**dict(topup_lite(snapshot_of(topup))), "version": topup.version}\n',
            ),
        ),
        lite=True,
    ),
    Planted(
        "R41",
        "lite-without-limit",
        "a page of lite may be as long as one of v1",
        (Edit(_PAYMENTS, "le=PAGE.most", "le=1000"),),
        {"rows": 1_050},
        lite=True,
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
        lite=True,
    ),
    Planted(
        "R30",
        "lite-signature-not-verified",
        "where no signature is demanded, one that is sent is not looked at",
        (
            Edit(
                "src/openvest/server/authentication.py",
                "        token = await self._token(request, bearer[1], parsed)\n        key = None",
                "        known = await self.directory.token(bearer[1])\n"
                "        if known is not None and not RULES[known.caller.contract].signed:\n"
                "            return known.caller\n"
                "        token = await self._token(request, bearer[1], parsed)\n        key = None",
            ),
        ),
        lite=True,
    ),
)
