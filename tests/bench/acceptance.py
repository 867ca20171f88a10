"""T1d: orders accepted per second without HTTP, the flush alone, by two processes with 64 requests under way."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import asdict
from uuid import UUID, uuid4

from openvest.core.declarations import Call, Caller
from openvest.db.unit import open_pool
from openvest.main import assemble
from tests.bench.floor import floor_per_second, prepare_floor
from tests.bench.world import bench_world
from tests.kit.cluster import Cluster
from tests.kit.world import SECRETS, SEED

CUSTOMERS = 2_000
