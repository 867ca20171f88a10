"""The import-linter contract for what stands inside a feature and what another package may reach of it.

Why: the built-in contracts need every feature written out once per rule; this one reads whichever features exist.
A part that outgrew its file keeps its place by its name: `rules_fees.py` and `rules/fees.py` both belong to `rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grimp
from importlinter import Contract, ContractCheck, fields, output


@dataclass(frozen=True)
class FeatureRules:
    """The options of the contract as plain data."""

    package: str
    layers: tuple[frozenset[str], ...]
    public: frozenset[str]
    assemblers: frozenset[str]
    assembled: frozenset[str]
    pure: frozenset[str]
    impure_imports: frozenset[str]

    def rank(self, part: str) -> int | None:
        """The height of a part, counted from the top; None for a name that is in no layer."""
        return next((height for height, names in enumerate(self.layers) if part in names), None)

    def place(self, module: str) -> tuple[str, str] | None:
        """The feature and the part a module belongs to; the part of a feature's own package is empty."""
        if not module.startswith(f"{self.package}."):
            return None
        feature, _, inner = module.removeprefix(f"{self.package}.").partition(".")
        name = inner.partition(".")[0]
        return feature, name if self.rank(name) is not None else name.partition("_")[0]


def violations(rules: FeatureRules, imports: Iterable[tuple[str, str]], modules: Iterable[str]) -> list[str]:
    """Every sentence against the rules, sorted.

    Shape: `imports` are pairs (importer, imported).
    """
    found = {violation for importer, imported in imports for violation in _import_violations(rules, importer, imported)}
    for module in modules:
        place = rules.place(module)
        if place and place[1] and rules.rank(place[1]) is None:
            found.add(f"{module} belongs to no part of a feature")
    return sorted(found)


def _import_violations(rules: FeatureRules, importer: str, imported: str) -> Iterator[str]:
    """The sentences one import earns."""
    source, target = rules.place(importer), rules.place(imported)
    line = f"{importer} imports {imported}"
    if source and source[1] in rules.pure and _is_or_is_in(imported, rules.impure_imports):
        yield f"{line}: {source[1]} is pure"
    if target is None or not target[1]:
        return
    if source is None:
        may_assemble = target[1] in rules.assembled and _is_or_is_in(importer, rules.assemblers)
        if target[1] not in rules.public and not may_assemble:
            yield f"{line}: {target[1]} is private to {target[0]}"
    elif source[0] != target[0]:
        if target[1] not in rules.public:
            yield f"{line}: {target[1]} is private to {target[0]}"
    else:
        yield from _inner_field_errors(rules, line, source[1], target[1])


def _inner_field_errors(rules: FeatureRules, line: str, source: str, target: str) -> Iterator[str]:
    """Inside one feature calls go down; siblings in one layer do not know each other."""
    above, below = rules.rank(source), rules.rank(target)
    if above is None or below is None:
        return
    if above > below:
        yield f"{line}: {source} stands below {target}"
    elif above == below and source != target:
        yield f"{line}: {source} and {target} stand side by side"


def _is_or_is_in(module: str, packages: frozenset[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


class FeatureContract(Contract):
    """The face of the rules towards import-linter."""

    package = fields.StringField()
    layers = fields.ListField(subfield=fields.StringField())
    public = fields.SetField(subfield=fields.StringField())
    assemblers = fields.SetField(subfield=fields.StringField())
    assembled = fields.SetField(subfield=fields.StringField())
    pure = fields.SetField(subfield=fields.StringField())
    impure_imports = fields.SetField(subfield=fields.StringField())

    def rules(self) -> FeatureRules:
        options: Any = self
        return FeatureRules(
            package=options.package,
            layers=tuple(frozenset(name.strip() for name in layer.split("|")) for layer in options.layers),
            public=frozenset(options.public),
            assemblers=frozenset(options.assemblers),
            assembled=frozenset(options.assembled),
            pure=frozenset(options.pure),
            impure_imports=frozenset(options.impure_imports),
        )

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        del verbose
        imports = ((one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one))
        sentences = violations(self.rules(), imports, graph.modules)
        return ContractCheck(kept=not sentences, metadata={"violations": sentences})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for sentence in check.metadata["violations"]:
            output.print_error(f"- {sentence}", bold=False)
        output.new_line()
