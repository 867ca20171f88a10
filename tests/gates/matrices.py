"""Matrices over the endpoint tables: scopes, tenants, fields, errors, pages (R34, R35, R36, errors, R41)."""

from __future__ import annotations

from tests.gates import matrix_answers, matrix_fields, matrix_pages, matrix_tenants
from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = (*matrix_answers.GATES, *matrix_tenants.GATES, *matrix_fields.GATES, *matrix_pages.GATES)
