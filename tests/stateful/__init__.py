"""Runs against the whole program: storms of requests and what must hold after them."""
