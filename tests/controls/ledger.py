"""Bugs planted against the gates of `tests.gates.ledger`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_POSTING = "src/openvest/ledger/posting.py"
_AMOUNTS = "src/openvest/features/orders/rules_amounts.py"
_BOOKING = "src/openvest/features/orders/rules_booking.py"

_HALF_UP = (
    Edit(_AMOUNTS, " = cent_up(value) - so_far.cash\n", " = cent_half_up(value) - so_far.cash\n"),
    Edit(_AMOUNTS, " = cent_down(value) - so_far.cash\n", " = cent_half_up(value) - so_far.cash\n"),
)

_ARRIVAL = (
    Edit(_POSTING, "    wanted = set(keys)\n", "    wanted = dict.fromkeys(keys)\n"),
    Edit(
        _POSTING,
        "    missing = sorted(wanted - books.balances.keys())\n",
        "    missing = [key for key in wanted if key not in books.balances]\n",
    ),
    Edit(
        _POSTING,
        "    await balances_for_update(\n"
        "        unit, {Key(leg.owner_id, leg.asset) for j in journals for leg in j.legs"
        " if leg.owner_id is not None}\n"
        "    )\n",
        "    await balances_for_update(\n"
        "        unit, [Key(leg.owner_id, leg.asset) for j in journals for leg in j.legs"
        " if leg.owner_id is not None]\n"
        "    )\n",
    ),
)

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R15",
        "locks-in-arrival-order",
        "balances are locked in order of arrival, not of their keys",
        _ARRIVAL,
        {"transfers": 120},
    ),
    Planted(
        "R18",
        "memo-with-the-wrong-sign",
        "a settlement remembers once more what it should forget",
        (
            Edit(
                "src/openvest/ledger/trades.py",
                'return journal_of("SETTLEMENT", trade.execution_id, on, delivery + _memos(trade, -1))',
                'return journal_of("SETTLEMENT", trade.execution_id, on, delivery + _memos(trade, +1))',
            ),
        ),
        {"steps": 150},
    ),
    Planted(
        "R18",
        "moved-without-a-lock",
        "a top-up is read without a lock before it is cancelled, so that its wire may settle it meanwhile",
        (
            Edit(
                "src/openvest/features/payments/store.py",
                'from topups where tenant_id = $1 and id = $2 for no key update")',
                'from topups where tenant_id = $1 and id = $2")',
            ),
        ),
        {"steps": 150},
    ),
    Planted(
        "R18",
        "news-of-the-state-before",
        "the event of a settlement shows the execution as it was before",
        (
            Edit(
                "src/openvest/features/executions/sweeps.py",
                "    for execution in done:\n",
                "    for execution in executions:\n",
            ),
        ),
        {"steps": 150},
    ),
    Planted(
        "R18",
        "news-reach-no-order",
        "what rests for an instrument goes on, whatever becomes of it",
        (
            Edit(
                "src/openvest/features/orders/sweeps.py",
                "        *((news, end_unfit_orders) for news in NEWS),\n",
                "        *((news, end_unfit_orders) for news in NEWS[:0]),\n",
            ),
        ),
        {"steps": 300},
    ),
    Planted(
        "R18",
        "news-pass-over-who-waits",
        "an order that waits for a session is not held against what its instrument has become",
        (
            Edit(
                "src/openvest/features/orders/sweeps_news.py",
                "    found = await unit.rows(store.NEW_OF_INSTRUMENTS_FOR_UPDATE, unit.tenant_id, "
                "list(told.instruments))\n"
                "    found += await unit.rows(",
                "    found = await unit.rows(",
            ),
        ),
        {"steps": 300},
    ),
    Planted(
        "R18",
        "too-fine-goes-on",
        "a purchase goes on though its instrument trades no such fractions any more",
        (
            Edit(
                "src/openvest/features/orders/rules_fit.py",
                'if instrument.trading_status != "ACTIVE" or not conforms(order, instrument, placed):',
                'if instrument.trading_status != "ACTIVE":',
            ),
        ),
        {"steps": 600},
    ),
    Planted(
        "R18",
        "trapped-fractions",
        "a sale may be no finer than its instrument, whatever is held",
        (
            Edit(
                "src/openvest/features/orders/rules_fit.py",
                '    if side == "SELL" and held is not None and',
                '    if side == "" and held is not None and',
            ),
        ),
        {"steps": 600},
    ),
    Planted(
        "R18",
        "fee-outside-forgotten",
        "a fee that the client charges itself is no cost of what was bought",
        (
            Edit(
                "src/openvest/features/executions/rules_booking.py",
                "Money(new.cash_amount + new.fee + new.fee_outside, ",
                "Money(new.cash_amount + new.fee, ",
            ),
        ),
        {"steps": 300},
    ),
    Planted(
        "R18",
        "fee-as-asked",
        "an order shows the fee it asked for, whatever was charged",
        (
            Edit(
                "src/openvest/features/orders/rules.py",
                "        fee_charged=order.fee_charged,\n",
                "        fee_charged=order.fee,\n",
            ),
        ),
        {"steps": 150},
    ),
    Planted(
        "R20",
        "rounded-per-fill",
        "each fill is rounded by itself, not the sum of all",
        (
            Edit(
                "src/openvest/features/orders/rules_amounts.py",
                " = cent_up(value) - so_far.cash\n",
                " = cent_up(times(quantity, price))\n",
            ),
        ),
        {"cases": 3_000},
    ),
    Planted(
        "R20",
        "float-in-a-ratio",
        "quotients are taken of floats",
        (
            Edit(
                "src/openvest/core/money.py",
                "        context.prec = _PRECISION\n        return a / b\n",
                "        context.prec = _PRECISION\n        return Decimal(float(a) / float(b))\n",
            ),
        ),
        {"cases": 3_000},
    ),
    Planted(
        "R20",
        "nothing-for-units",
        "the part of a sale that is not worth a cent is given for nothing",
        (
            Edit(
                _BOOKING,
                "if quantity > 0 and so_far.cash + fill.cash > 0:\n",
                "if quantity > 0:\n",
            ),
        ),
        {"cases": 3_000},
    ),
    Planted("splits", "to-the-nearest-cent", "cash is rounded half up", _HALF_UP, {"splits": 300}),
    Planted(
        "splits",
        "a-cent-up-for-sales",
        "a sale is rounded up, as a purchase is",
        (Edit(_AMOUNTS, " = cent_down(value) - so_far.cash\n", " = cent_up(value) - so_far.cash\n"),),
        {"splits": 300},
    ),
)
