"""Every feature's `SAMPLE`, and what is missing from them, said so that whoever adds a feature knows what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from openvest import catalog
from openvest.declarations import Endpoint, Feature
from tests.kit.contracts import address, contract_of, label, takes_key
from tests.kit.sample import Sample

NO_OCCASION = "has nothing for {}: say what makes it due, or in never_stopped why no worker is stopped in it"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a feature declares and its sample must fit."""

    name: str
    endpoints: Sequence[Endpoint]
    works: Sequence[str]


def _declared(feature: Feature) -> Declared:
    works = [work.name for work in catalog.WORKS if work.name.partition(".")[0] == feature.name]
    return Declared(feature.name, [*feature.v1.endpoints, *feature.lite.endpoints], works)


DECLARED: Sequence[Declared] = tuple(_declared(feature) for feature in catalog.FEATURES)
"""Every feature, bottom to top."""


def lacks(feature: str, field: str, what: str) -> str:
    """A sentence of what is to be written where."""
    return f"tests/features/{feature}/sample.py: SAMPLE.{field} {what}"


def load(names: Sequence[str]) -> dict[str, Sample]:
    """By feature, bottom to top. Raises: AssertionError for one that has none."""
    found: dict[str, Sample] = {}
    for name in names:
        module = f"tests.features.{name}.sample"
        try:
            found[name] = import_module(module).SAMPLE
        except (ModuleNotFoundError, AttributeError) as error:
            if isinstance(error, ModuleNotFoundError) and not f"{module}.".startswith(f"{error.name}."):
                raise
            raise AssertionError(
                f"tests/features/{name}/sample.py: is missing, or has no SAMPLE. Write `SAMPLE = Sample(...)` from"
                " tests/kit/sample.py, with a body that fits for each operation and how one object of each kind is"
                " made; __init__.py stands beside it. Until then nothing that goes through all features runs."
            ) from error
    return found


def missing(declared: Declared, sample: Sample) -> Iterator[str]:
    """What a sample must say of its feature and does not, and what it says of nothing."""
    name = declared.name
    for one in declared.endpoints:
        if one.body is not None and not one.form and body_in(sample, one) is None:
            what = f"has no body for {label(one)}: give one that fits, with ids of objects in braces"
            yield lacks(name, "bodies", what)
        if takes_key(one) and address(one) not in sample.makers:
            what = f"has nothing for {label(one)}, which takes a key: say how many different ones are asked"
            yield lacks(name, "makers", what)
    for work in declared.works:
        if (work in sample.occasions) == (work in sample.never_stopped):
            yield lacks(name, "occasions", NO_OCCASION.format(work))
    operations = {address(one) for one in declared.endpoints}
    for field in ("bodies", "lite_bodies", "makers", "unkeyed", "unscoped", "not_asked", "whole", "takes_any"):
        for key in getattr(sample, field):
            if not any(re.match(re.escape(one) + "( |$)", key) for one in operations):
                yield lacks(name, field, f"names {key}, which is no operation of {name}: take it out")
    for field in ("occasions", "never_stopped", "never_due"):
        for key in getattr(sample, field):
            if key not in declared.works:
                yield lacks(name, field, f"names {key}, which is no work of {name}: take it out")


SAMPLES: Mapping[str, Sample] = load([one.name for one in DECLARED])
"""Every feature's, bottom to top."""

_OWNERS = {address(endpoint): one.name for one in DECLARED for endpoint in one.endpoints}


def owner_of(endpoint: Endpoint) -> str:
    """The feature that declares an operation."""
    return _OWNERS[address(endpoint)]


def sample_of(endpoint: Endpoint) -> Sample:
    """That of the feature that declares an operation."""
    return SAMPLES[owner_of(endpoint)]


def body_in(sample: Sample, endpoint: Endpoint) -> Any:
    """The body that fits an operation, if the sample has one."""
    name = address(endpoint)
    of_lite = sample.lite_bodies.get(name) if contract_of(endpoint) == "lite" else None
    return sample.bodies.get(name) if of_lite is None else of_lite


def every(field: Callable[[Sample], Mapping[str, Any]]) -> dict[str, Any]:
    """One field of all samples together."""
    return {key: value for sample in SAMPLES.values() for key, value in field(sample).items()}


def each(field: Callable[[Sample], Sequence[str] | frozenset[str]]) -> list[str]:
    """The texts of one field of all samples."""
    return [text for sample in SAMPLES.values() for text in sorted(field(sample))]
