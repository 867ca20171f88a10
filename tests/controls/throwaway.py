"""Features that somebody adds in a hurry: an endpoint in a module of its own, and its place in the feature."""

from __future__ import annotations

from tests.controls.planting import Edit

_FEATURE = "src/openvest/features/users/feature.py"
_THROWAWAY = "src/openvest/features/users/v1_throwaway.py"
_HEAD = '''"""An endpoint that somebody adds in a hurry."""

from __future__ import annotations

from openvest.declarations import Call, Endpoint
from openvest.core.problems import NotFound
from openvest.core.schema import Body, Id, View
from openvest.core.snapshots import Json
from openvest.db.query import Query
from openvest.db.unit import Unit
'''


def throwaway(text: str) -> tuple[Edit, ...]:
    """An endpoint in a module of its own, and its place in the feature."""
    return (
        Edit(_THROWAWAY, "", _HEAD + text),
        Edit(_FEATURE, "sweeps, v1\n", "sweeps, v1, v1_throwaway\n"),
        Edit(_FEATURE, "Face(v1.ENDPOINTS,", "Face([*v1.ENDPOINTS, *v1_throwaway.ENDPOINTS],"),
    )
