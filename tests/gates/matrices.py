"""Matrices over the declarations: what they say by themselves, scopes, tenants, customers, fields, errors, events,
work, what is sealed, pages (declared, R34, R35, parents, R36, errors, told, again, sealed, R41)."""

from __future__ import annotations

from tests.gates import (
    matrix_answers,
    matrix_declared,
    matrix_fields,
    matrix_pages,
    matrix_parents,
    matrix_tenants,
    matrix_told,
    matrix_works,
)
from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = (
    *matrix_declared.GATES,
    *matrix_answers.GATES,
    *matrix_tenants.GATES,
    *matrix_parents.GATES,
    *matrix_fields.GATES,
    *matrix_told.GATES,
    *matrix_works.GATES,
    *matrix_pages.GATES,
)
