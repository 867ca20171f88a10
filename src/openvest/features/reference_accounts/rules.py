"""Decisions about reference accounts, and the refusals."""

from __future__ import annotations

from openvest.core.problems import NotFound

LONGEST_NAME = 100


class ReferenceAccountNotFound(NotFound):
    """No reference account has the id, or it is deleted, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no reference account of this id.")


def default_name(account_owner: str) -> str:
    """What an account is called that got no name."""
    return account_owner[:LONGEST_NAME]
