"""The outside world on one machine: market, bank, custodian, identity, scenarios, faults."""
