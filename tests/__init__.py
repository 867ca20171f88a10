"""The tests of OpenVest; `tests/kit` holds what they share."""
