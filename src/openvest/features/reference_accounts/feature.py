"""The feature of reference accounts: where a holder's money is paid out to."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.reference_accounts import lite, model, v1

FEATURE = Feature(
    "reference_accounts",
    v1=Face(v1.ENDPOINTS),
    lite=Face(lite.ENDPOINTS),
    tables=("reference_accounts",),
    sealed=(model.ACCOUNT,),
)
