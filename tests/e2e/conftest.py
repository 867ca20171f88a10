"""One served sandbox for all tests that only need one to be there."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.e2e.serving import Serving


@pytest.fixture(scope="session")
def served() -> Generator[Serving]:
    """A sandbox that runs, at pace calendar."""
    serving = Serving(Path(tempfile.mkdtemp(prefix="openvest-e2e-")) / "var")
    try:
        serving.start()
        yield serving
    finally:
        serving.remove()
