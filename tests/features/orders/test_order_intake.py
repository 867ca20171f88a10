"""What the body of an order alone is judged by: combinations, zeros, fractions, fees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openvest.core.problems import InvalidRequest
from openvest.server.parsing import parse_body
from tests.kit.contracts import SERVED

PLACE = next(endpoint for endpoint in SERVED if endpoint.operation_id == "place_order")
ID = "6d2b0f11-9a2c-4a4f-8a56-0b8e3b1f2c33"
BASIS = {"user_id": ID, "account_id": ID, "side": "BUY", "instrument_id": "IE00B3XXRP09", "instrument_id_type": "ISIN"}
FEE = {"type": "TRANSACTION_FEE_BUY", "value_type": "ABSOLUTE", "charge_method": "COLLECTED_BY_UPVEST"}
FEE |= {"cash_amount": "1.00", "currency": "EUR"}
MODEL = {"type": "TRANSACTION_FEE_BUY", "transaction_fee_model_id": ID}
LIMIT = {"order_type": "LIMIT", "quantity": "3", "limit_price": "90.00"}
STOP = {"order_type": "STOP", "quantity": "3", "stop_price": "90.00"}
CASH = {"cash_amount": "250.00"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (CASH, set[str]()),
        ({"quantity": "2.5"}, set()),
        ({"quantity": "0.0000000001"}, set()),
        ({"quantity": "1.50000000000"}, set()),
        (LIMIT, set()),
        (STOP, set()),
        (CASH | {"limit_price": "", "stop_price": "", "quantity": ""}, set()),
        (CASH | {"fee_configuration": [FEE]}, set()),
        (CASH | {"fee_configuration": [MODEL]}, set()),
        ({}, {"cash_amount"}),
        (CASH | {"quantity": "1"}, {"quantity"}),
        ({"cash_amount": "0.00"}, {"cash_amount"}),
        ({"quantity": "0"}, {"quantity"}),
        ({"quantity": "0.00000000001"}, {"quantity"}),
        (CASH | {"user_id": None}, {"user_id"}),
        (CASH | {"business_id": ID}, {"business_id"}),
        (LIMIT | {"quantity": "2.5"}, {"quantity"}),
        (LIMIT | {"limit_price": None}, {"limit_price"}),
        (LIMIT | {"limit_price": "0"}, {"limit_price"}),
        (LIMIT | {"stop_price": "80.00"}, {"stop_price"}),
        (CASH | {"order_type": "LIMIT", "limit_price": "90.00"}, {"cash_amount"}),
        (STOP | {"stop_price": None}, {"stop_price"}),
        (STOP | {"limit_price": "80.00"}, {"limit_price"}),
        (CASH | {"limit_price": "80.00"}, {"limit_price"}),
        (CASH | {"fee_configuration": [FEE, FEE]}, {"fee_configuration"}),
        (CASH | {"fee_configuration": [FEE | {"currency": None}]}, {"fee_configuration.0.currency"}),
        (CASH | {"fee_configuration": [MODEL | {"cash_amount": "1.00"}]}, {"fee_configuration.0.cash_amount"}),
    ],
)
def test_field_errors_name_their_fields(fields: dict[str, Any], named: set[str]) -> None:
    try:
        parse_body(PLACE, json.dumps(BASIS | fields).encode())
    except InvalidRequest as refused:
        assert {error.field for error in refused.errors} == named
    else:
        assert not named
