"""What the embedded server takes of machines of any size."""

from __future__ import annotations

import os

import pytest

from openvest.db.memory import machine_mb, memory_settings


@pytest.mark.parametrize(
    ("memory_mb", "buffers", "cache", "maintenance", "method"),
    [
        (256, "128MB", "256MB", "64MB", "sync"),
        (2_048, "256MB", "1024MB", "64MB", "sync"),
        (8_192, "1024MB", "4096MB", "128MB", "worker"),
        (65_536, "1024MB", "32768MB", "512MB", "worker"),
    ],
)
def test_settings_follow_the_memory(memory_mb: int, buffers: str, cache: str, maintenance: str, method: str) -> None:
    wanted = {"shared_buffers": buffers, "effective_cache_size": cache, "maintenance_work_mem": maintenance}
    assert memory_settings(memory_mb, 15) == wanted
    assert memory_settings(memory_mb, 18) == {**wanted, "io_method": method}


def test_a_container_has_no_more_than_its_machine() -> None:
    assert 64 < machine_mb() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
