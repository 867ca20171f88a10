"""Tests of virtual cash."""
