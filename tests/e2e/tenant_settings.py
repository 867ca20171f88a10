"""What an operator says of a tenant on the command line."""

from __future__ import annotations

from tests.e2e.serving import Cli


def is_set_up(there: Cli) -> None:
    """What an operator says of the tenant acme: who collects, at which bank, and when blocks are sent."""
    whose = ("tenants", "creditor", "acme", "--name", "Acme Securities", "--street", "Ring 1", "--city", "Berlin")
    status, said, _ = there(*whose, "--postcode", "10115", "--country", "DE", "--id", "DE98ZZZ09999999999")
    assert (status, said) == (0, "acme: Acme Securities (DE98ZZZ09999999999) collects direct debits.\n")
    status, _, beside = there(*whose, "--postcode", "10115", "--country", "XX", "--id", "DE97ZZZ09999999999")
    assert status == 1 and "creditor_id: " in beside and "country: " in beside
    whose = ("tenants", "bank-code", "acme", "--country", "AT", "--code", "12000")
    status, said, _ = there(*whose, "--bic", "BKAUATWWXXX")
    assert (status, said) == (0, "acme: virtual accounts are numbered under 12000 in AT.\n")
    status, _, beside = there(*whose[:-1], "1200", "--bic", "X")
    assert status == 1 and "bank_code: " in beside and "bic: " in beside
    status, said, _ = there("tenants", "cut-off", "acme", "15:30", "--venue", "XETR")
    assert (status, said) == (0, "acme: blocks are sent at 15:30, local time of XETR.\n")
    status, _, beside = there("tenants", "cut-off", "acme", "15:30", "--venue", "XXXX")
    assert status == 1 and "No trading calendar for the venue" in beside
