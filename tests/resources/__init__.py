"""What tests are given: no tests."""
