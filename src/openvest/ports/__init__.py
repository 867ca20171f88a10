"""What the outside world is asked for: venue, bank, identity, custodian, prices."""
