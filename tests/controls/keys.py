"""Bugs planted against the gates of `tests.gates.keys`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_IDEMPOTENCY = "src/openvest/server/idempotency.py"
_CLAIM = "migrations/0037_keep_requests_with_answers.sql"
_ORDERS = "src/openvest/features/orders/v1.py"

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R16",
        "unlocked-keys",
        "a key is worked under without its advisory lock",
        (Edit(_CLAIM, "where pg_try_advisory_xact_lock(t.lock)", "where t.lock is not null"),),
        {"keys": 35},
    ),
    Planted(
        "R16",
        "keys-looked-up-too-early",
        "what stands under a key is looked up before its lock is held",
        (
            # A stable function sees what was committed when the statement that calls it began; the pause makes room
            # for a commit in between.
            Edit(_CLAIM, "language plpgsql volatile", "language plpgsql stable"),
            Edit(_CLAIM, "  select array_agg(", "  perform pg_sleep(0.02);\n  select array_agg("),
        ),
        {"keys": 105},
    ),
    Planted(
        "R16",
        "anothers-answer",
        "of requests that share a flush, each keeps under its key what the first is answered",
        (
            Edit(
                "src/openvest/server/flush.py",
                "= encode(endpoint, result)\n",
                "= encode(endpoint, next(one for one in results if not isinstance(one, Exception)))\n",
            ),
        ),
        {"keys": 105},
    ),
    Planted(
        "R17",
        "bodies-not-compared",
        "the bodies are not compared",
        (Edit(_IDEMPOTENCY, "    if body == keyed.body:\n", "    if body:\n"),),
        {"fuzz": 1},
    ),
    Planted(
        "R17",
        "paths-not-compared",
        "a key stands for its answer at every path",
        (Edit(_IDEMPOTENCY, "    if path != keyed.path:\n", "    if not path:\n"),),
        {"fuzz": 1},
    ),
    Planted(
        "R17",
        "methods-not-compared",
        "a key stands for its answer under every method",
        (Edit(_IDEMPOTENCY, "    if method != keyed.method:\n", "    if not method:\n"),),
        {"fuzz": 1},
    ),
    Planted(
        "R17",
        "keys-of-a-tenant",
        "a key belongs to the tenant and not to one client of it",
        (
            Edit(_CLAIM, " and s.client_id = client_ids[m] and s.key = keys[m]", " and s.key = keys[m]"),
            # What is stored is sealed for its client: taken alone, the look-up would end in an answer nobody can open.
            Edit(_IDEMPOTENCY, "{tenant_id} {client_id} {key}", "{key}"),
        ),
        {"fuzz": 1},
    ),
    Planted(
        "R17",
        "followers-not-compared",
        "of requests that share a flush and a key, all hear what the first is answered",
        (
            Edit(
                "src/openvest/server/flush.py",
                "    if differs is None:\n        return outcome\n",
                "    if differs != outcome:\n        return outcome\n",
            ),
        ),
        {"fuzz": 1},
    ),
    Planted(
        "together",
        "answers-in-another-order",
        "accounts that are read together are given out in the order of their ids",
        (
            Edit(
                "src/openvest/features/accounts/service.py",
                "or rules.AccountNotFound() for account_id in account_ids]",
                "or rules.AccountNotFound() for account_id in sorted(account_ids)]",
            ),
        ),
    ),
    Planted(
        "together",
        "orders-in-another-order",
        "orders that are placed together are answered from the last to the first",
        (Edit(_ORDERS, "    return answers\n", "    return answers[::-1]\n"),),
    ),
    Planted(
        "together",
        "one-spoils-all",
        "one order that is refused has all refused that came with it",
        (
            Edit(
                _ORDERS,
                "    return answers\n",
                "    spoiled = next((one for one in answers if isinstance(one, Problem)), None)\n"
                "    return answers if spoiled is None else [spoiled] * len(answers)\n",
            ),
        ),
    ),
    Planted(
        "together",
        "refused-with-effect",
        "an order that is refused beside others has been placed all the same",
        (
            Edit(
                _ORDERS,
                "    return answers\n",
                "    if {isinstance(one, Problem) for one in answers} == {True, False}:\n"
                "        await service.place_orders(unit, [one for one in wants if isinstance(one, PlaceOrder)])\n"
                "    return answers\n",
            ),
        ),
    ),
)
