"""From a path to an endpoint: a tree of segments per contract, built once from the endpoint tables.

A literal segment wins over a parameter. What exists only in the other contract is found too, so that the refusal can
say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from openvest.core.problems import MethodNotAllowed, NotFound
from openvest.core.records import record
from openvest.declarations import Contract, Endpoint

NO_SUCH_PATH = "No operation has this path."


@dataclass(slots=True)
class Route:
    """One path of one contract. Shape: `endpoints` by method."""

    path: str
    names: tuple[str, ...]
    endpoints: dict[str, Endpoint] = field(default_factory=dict[str, Endpoint])

    @property
    def allow(self) -> str:
        return ", ".join(sorted(self.endpoints))


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    parameter: _Node | None = None
    route: Route | None = None


@record
class Hit:
    """A path found in one contract's table. Shape: `values` in the order of the route's names."""

    contract: Contract
    route: Route
    values: Sequence[str]


class Router:
    """The tables of the contracts that have operations."""

    def __init__(self, contracts: Mapping[Contract, Iterable[Endpoint]], *, sandbox: bool) -> None:
        self._trees: list[tuple[Contract, _Node]] = []
        self.endpoints: dict[Contract, list[Endpoint]] = {}
        for contract, table in contracts.items():
            served = [endpoint for endpoint in table if sandbox or not endpoint.sandbox_only]
            if served:
                self.endpoints[contract] = served
                self._trees.append((contract, _tree(served)))

    def find(self, raw_path: bytes, method: str) -> list[Hit]:
        """Where the path exists; at least one of the hits has the method.

        Raises: NotFound, MethodNotAllowed.
        """
        segments = _segments(raw_path)
        hits: list[Hit] = []
        for contract, root in self._trees:
            values: list[str] = []
            route = _walk(root, segments, 1, values)
            if route is not None:
                hits.append(Hit(contract, route, values))
        if not hits:
            raise NotFound(NO_SUCH_PATH)
        for hit in hits:
            if method in hit.route.endpoints:
                return hits
        methods = sorted({name for hit in hits for name in hit.route.endpoints})
        raise _not_allowed(method, ", ".join(methods))


def first(hits: Sequence[Hit], method: str) -> Endpoint:
    """The endpoint as far as it is known before the caller is; one of the hits has the method."""
    for hit in hits:
        endpoint = hit.route.endpoints.get(method)
        if endpoint is not None:
            return endpoint
    raise NotFound(NO_SUCH_PATH)


def pick(hits: Sequence[Hit], contract: Contract, method: str) -> tuple[Endpoint, Hit]:
    """The endpoint in the caller's own contract. Raises: NotFound, MethodNotAllowed."""
    for hit in hits:
        if hit.contract == contract:
            endpoint = hit.route.endpoints.get(method)
            if endpoint is None:
                raise _not_allowed(method, hit.route.allow)
            return endpoint, hit
    raise NotFound(f"This path exists only in the contract {hits[0].contract}, and the client speaks {contract}.")


def is_flushed(hits: Sequence[Hit], method: str) -> bool:
    """Whether this runs in a flush, whoever asks."""
    found = [hit.route.endpoints.get(method) for hit in hits]
    return all(endpoint is None or (endpoint.batch is not None and endpoint.is_write) for endpoint in found)


def _not_allowed(method: str, allow: str) -> MethodNotAllowed:
    return MethodNotAllowed(f"This path does not take {method}; it takes {allow}.", headers={"Allow": allow})


def _segments(raw_path: bytes) -> list[str]:
    try:
        if b"%" in raw_path:
            return [unquote_to_bytes(part).decode() for part in raw_path.split(b"/")]
        return raw_path.decode("ascii").split("/")
    except UnicodeDecodeError:
        raise NotFound(NO_SUCH_PATH) from None


def _walk(node: _Node, segments: Sequence[str], position: int, values: list[str]) -> Route | None:
    if position == len(segments):
        return node.route
    segment = segments[position]
    child = node.literal.get(segment)
    if child is not None:
        found = _walk(child, segments, position + 1, values)
        if found is not None:
            return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _walk(node.parameter, segments, position + 1, values)
    if found is None:
        values.pop()
    return found


def _tree(endpoints: Iterable[Endpoint]) -> _Node:
    root = _Node()
    for endpoint in endpoints:
        node = root
        names: list[str] = []
        for segment in endpoint.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literal.setdefault(segment, _Node())
        node.route = node.route or Route(endpoint.path, tuple(names))
        if node.route.path != endpoint.path or endpoint.method in node.route.endpoints:
            raise ValueError(f"{endpoint.method} {endpoint.path} contradicts {node.route.path} in the endpoint table")
        node.route.endpoints[endpoint.method] = endpoint
    return root
