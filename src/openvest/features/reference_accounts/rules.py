"""Decisions about reference accounts, and the refusals."""

from __future__ import annotations

from openvest.core.problems import NotFound
from openvest.features.reference_accounts.model import NewReferenceAccount

LONGEST_NAME = 100


class ReferenceAccountNotFound(NotFound):
    """No reference account has the id, or it is deleted, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no reference account of this id.")


def name_of(new: NewReferenceAccount) -> str:
    """What the account is called; that of its owner where it got no name."""
    return new.name or new.account_owner[:LONGEST_NAME]
