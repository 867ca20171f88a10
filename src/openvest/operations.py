"""How features declare the operations of a contract: one call each, which says what the kind of operation does not.

`TOPUPS.reads("/payments/topups/{topup_id}", retrieve_topup, TopupView)` is the whole `Endpoint`: the operation is named
as its verb is, summed up by the first line of the verb's docstring, tagged and scoped as `TOPUPS` says, and has the
method and the status that its contract gives to reads. Each of these can be said otherwise by keyword.

Which refusals an operation has follows from its shape: 400 where something is sent (a body, a query), 404 where the
path names an object. `errors` adds what its verb refuses beside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, Unpack

from pydantic import BaseModel

from openvest.declarations import BatchVerb, Direct, Endpoint, PathValue, Verb


@dataclass(frozen=True, slots=True)
class Kind:
    """What a contract says of all operations of one kind."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    status: int = 200
    key_required: bool = False


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of operations, as one contract has them. An action is a POST that makes no object."""

    reads: Kind = Kind("GET")
    lists: Kind = Kind("GET")
    creates: Kind = Kind("POST", status=201)
    changes: Kind = Kind("PATCH")
    replaces: Kind = Kind("PUT")
    deletes: Kind = Kind("DELETE", status=204)
    acts: Kind = Kind("POST")
    operation_id: Callable[[str], str] = str
    """How an operation is called whose verb has this name."""


def camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


V1 = Kinds(creates=Kind("POST", key_required=True))
LITE = Kinds(operation_id=camel_case)


class Said(TypedDict, total=False):
    """What an operation may say of itself: the fields of `Endpoint`."""

    batch: BatchVerb
    direct: Direct
    body: type[BaseModel]
    query: type[BaseModel]
    operation_id: str
    summary: str
    tag: str
    scopes: tuple[str, ...]
    status: int
    key_required: bool
    errors: tuple[int, ...]
    advances_clock: bool
    path_types: Mapping[str, PathValue]
    sandbox_only: bool
    addition: bool
    form: bool
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Operations:
    """What the operations of one resource share. The scopes are `stem:read` and `stem:admin`; any of them is enough.

    The answer of an operation may be left out: it then has no body.
    """

    kinds: Kinds
    tag: str
    stem: str
    readers: tuple[str, ...] = ("read", "admin")
    writers: tuple[str, ...] = ("admin",)
    sandbox_only: bool = False
    addition: bool = False

    def reads(
        self, path: str, verb: Verb | None = None, answer: type[BaseModel] | None = None, **said: Unpack[Said]
    ) -> Endpoint:
        """One object."""
        return self._endpoint(self.kinds.reads, self.readers, path, verb, answer, said)

    def lists(
        self, path: str, verb: Verb | None = None, answer: type[BaseModel] | None = None, **said: Unpack[Said]
    ) -> Endpoint:
        """Many objects."""
        return self._endpoint(self.kinds.lists, self.readers, path, verb, answer, said)

    def creates(
        self, path: str, verb: Verb | None = None, answer: type[BaseModel] | None = None, **said: Unpack[Said]
    ) -> Endpoint:
        """A new object."""
        return self._endpoint(self.kinds.creates, self.writers, path, verb, answer, said)

    def changes(
        self, path: str, verb: Verb | None = None, answer: type[BaseModel] | None = None, **said: Unpack[Said]
    ) -> Endpoint:
        """Other values of an object."""
        return self._endpoint(self.kinds.changes, self.writers, path, verb, answer, said)

    def replaces(
        self, path: str, verb: Verb | None = None, answer: type[BaseModel] | None = None, **said: Unpack[Said]
    ) -> Endpoint:
        """All values of an object anew."""
        return self._endpoint(self.kinds.replaces, self.writers, path, verb, answer, said)

    def deletes(
        self, path: str, verb: Verb | None = None, answer: type[BaseModel] | None = None, **said: Unpack[Said]
    ) -> Endpoint:
        """The end of an object, or its beginning."""
        return self._endpoint(self.kinds.deletes, self.writers, path, verb, answer, said)

    def acts(
        self, path: str, verb: Verb | None = None, answer: type[BaseModel] | None = None, **said: Unpack[Said]
    ) -> Endpoint:
        """Something that is done to an object."""
        return self._endpoint(self.kinds.acts, self.writers, path, verb, answer, said)

    def _endpoint(
        self,
        kind: Kind,
        scopes: tuple[str, ...],
        path: str,
        verb: Verb | None,
        answer: type[BaseModel] | None,
        said: Said,
    ) -> Endpoint:
        run = verb or said.get("batch") or said.get("direct")
        if run is None:
            raise TypeError(f"{kind.method} {path} has no verb.")
        summary = said.get("summary") or (run.__doc__ or "").partition("\n")[0].removesuffix(".")
        if not summary:
            raise TypeError(f"{kind.method} {path} has no summary: {run.__name__} has no docstring.")
        sent, named = "body" in said or "query" in said, "{" in path
        shape = {status for status, is_so in ((400, sent), (404, named)) if is_so}
        usual = Endpoint(
            kind.method,
            path,
            self.kinds.operation_id(run.__name__),
            summary,
            self.tag,
            tuple(f"{self.stem}:{scope}" for scope in scopes),
            answer,
            verb,
            status=kind.status,
            key_required=kind.key_required,
            sandbox_only=self.sandbox_only,
            addition=self.addition,
        )
        more: dict[str, Any] = {**said, "errors": tuple(sorted(shape | {*said.get("errors", ())}))}
        return replace(usual, **more)


TESTS = Operations(V1, "Tests", "tests", readers=("admin",), sandbox_only=True, addition=True)
"""What only sandboxes have, whichever feature it belongs to."""
TESTS_LITE = replace(TESTS, kinds=LITE)
"""The same in lite."""
