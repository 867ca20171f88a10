"""Features that somebody adds in a hurry: an endpoint in a module of its own, and its place in the catalog."""

from __future__ import annotations

from tests.controls.planting import Edit

_CATALOG = "src/openvest/catalog.py"
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
    """An endpoint in a module of its own, and its place in the catalog."""
    return (
        Edit(_THROWAWAY, "", _HEAD + text),
        Edit(
            _CATALOG,
            "from openvest.features.users import v1 as users_v1\n",
            "from openvest.features.users import v1 as users_v1\nfrom openvest.features.users import v1_throwaway\n",
        ),
        Edit(_CATALOG, "    *users_v1.ENDPOINTS,\n", "    *users_v1.ENDPOINTS,\n    *v1_throwaway.ENDPOINTS,\n"),
    )
