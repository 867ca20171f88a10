"""Tests of onboarding, and what other tests know of them."""
