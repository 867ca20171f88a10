"""Every feature's `SAMPLE`, and what is missing from them, said so that whoever adds a feature knows what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from openvest import catalog
from openvest.declarations import Endpoint, Feature
from tests.kit.contracts import address, label, said_of, takes_key
from tests.kit.sample import Sample

NO_OCCASION = "has nothing for {}: say what makes it due, or in never_stopped why no worker is stopped in it"


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


def operations(feature: Feature) -> Sequence[Endpoint]:
    """Those of every contract."""
    return (*feature.v1.endpoints, *feature.lite.endpoints)


def missing(feature: Feature, sample: Sample) -> Iterator[str]:
    """What a sample must say of its feature and does not, and what it says of nothing."""
    name = feature.name
    works = [work.name for work in catalog.WORKS if work.name.partition(".")[0] == name]
    for one in operations(feature):
        if one.body is not None and not one.form and body_in(sample, one) is None:
            what = f"has no body for {label(one)}: give one that fits, with ids of objects in braces"
            yield lacks(name, "bodies", what)
        if takes_key(one) and said_of(sample.makers, one) is None:
            what = f"has nothing for {label(one)}, which takes a key: say how many different ones are asked"
            yield lacks(name, "makers", what)
    for work in works:
        if (work in sample.occasions) == (work in sample.never_stopped):
            yield lacks(name, "occasions", NO_OCCASION.format(work))
    known = {name for one in operations(feature) for name in (label(one), address(one))}
    for field in ("bodies", "makers", "unkeyed", "not_asked", "whole", "dated", "takes_any"):
        for key in getattr(sample, field):
            if not any(re.match(re.escape(one) + "( |$)", key) for one in known):
                yield lacks(name, field, f"names {key}, which is no operation of {name}: take it out")
    for field in ("occasions", "never_stopped", "never_due"):
        for key in getattr(sample, field):
            if key not in works:
                yield lacks(name, field, f"names {key}, which is no work of {name}: take it out")


SAMPLES: Mapping[str, Sample] = load([feature.name for feature in catalog.FEATURES])
"""Every feature's, bottom to top."""

_OWNERS = {label(one): feature.name for feature in catalog.FEATURES for one in operations(feature)}


def owner_of(endpoint: Endpoint) -> str:
    """The feature that declares an operation."""
    return _OWNERS[label(endpoint)]


def sample_of(endpoint: Endpoint) -> Sample:
    """That of the feature that declares an operation."""
    return SAMPLES[owner_of(endpoint)]


def body_in(sample: Sample, endpoint: Endpoint) -> Any:
    """The body that fits an operation, if the sample has one."""
    return said_of(sample.bodies, endpoint)


def every(field: Callable[[Sample], Mapping[str, Any]]) -> dict[str, Any]:
    """One field of all samples together."""
    return {key: value for sample in SAMPLES.values() for key, value in field(sample).items()}


def each(field: Callable[[Sample], Sequence[str] | frozenset[str]]) -> list[str]:
    """The texts of one field of all samples."""
    return [text for sample in SAMPLES.values() for text in sorted(field(sample))]
