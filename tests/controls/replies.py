"""Bugs planted against the gates of lost replies and of late processes."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R5",
        "nonce-not-checked",
        "a signature whose nonce was used before is taken again",
        (
            Edit(
                "src/openvest/server/nonces.py",
                "        replayed = [self._signed[n - 1][0] for n in used or ()]\n",
                "        replayed = [self._signed[n - 1][0] for n in changed or ()]\n",
            ),
        ),
        {"requests": 300},
    ),
    Planted(
        "R5",
        "answer-not-kept",
        "a group commit does not keep its answers under their keys",
        (Edit("src/openvest/server/flush.py", "        self._keys.store(unit, stored)\n", ""),),
        {"requests": 300},
    ),
    Planted(
        "R6",
        "token-not-compared",
        "what came of a delivery is recorded without a look at the lease's token",
        (
            Edit(
                "src/openvest/features/webhooks/store.py",
                "p.webhook_id = t.webhook_id and p.lease_token = t.lease_token\n      returning p.webhook_id,",
                "p.webhook_id = t.webhook_id and t.lease_token is not null\n      returning p.webhook_id,",
            ),
            Edit(
                "src/openvest/features/webhooks/store.py",
                "p.webhook_id = t.webhook_id and p.lease_token = t.lease_token\n    returning p.webhook_id\n",
                "p.webhook_id = t.webhook_id and t.lease_token is not null\n    returning p.webhook_id\n",
            ),
        ),
        {"stops": 1},
    ),
    Planted(
        "R6",
        "answers-of-a-lost-lease",
        "what a venue said is recorded whoever holds the lease, and whether or not it has ended",
        (
            Edit(
                "src/openvest/features/street/store.py",
                "id = any($2) and lease_token = $3 and status = 'WORKING'",
                "id = any($2) and $3::uuid is not null",
            ),
        ),
        {"stops": 1},
    ),
    Planted(
        "R6-inside",
        "a-passing-fault-sets-aside",
        "a lock that is waited for too long is taken for a fault of the row",
        (
            Edit(
                "src/openvest/work/runner.py",
                "if not _of_the_rows(error):\n                raise\n            # One row spoils its set: find",
                "if isinstance(error, DatabaseDown):\n                raise\n            # Find",
            ),
            Edit(
                "src/openvest/work/runner.py",
                "if not claimed or not _of_the_rows(error):",
                "if not claimed or isinstance(error, DatabaseDown):",
            ),
            Edit(
                "src/openvest/work/runner.py",
                "if not _of_the_rows(error):\n                raise\n            # One row spoils its set: ask",
                "if isinstance(error, DatabaseDown):\n                raise\n            # Ask",
            ),
            Edit("src/openvest/work/runner.py", "if not _of_the_rows(own):", "if isinstance(own, DatabaseDown):"),
        ),
        {"pauses": 0, "lock_seconds": 32, "orders": 60},
    ),
    Planted(
        "R6-inside",
        "hidden-work-is-not-seen",
        "the law of hidden work looks at what was dropped instead of what waits",
        (
            Edit(
                "src/openvest/work/dead_letters.py",
                "a.created_at from dead_letters a where a.tenant_id = $1 and a.dropped_at is null",
                "a.created_at from dead_letters a where a.tenant_id = $1 and a.dropped_at is not null",
            ),
        ),
        {"pauses": 0, "groups": 0},
    ),
)
