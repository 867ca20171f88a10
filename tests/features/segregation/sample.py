"""What tests know of segregation."""

from __future__ import annotations

from tests.kit.sample import Sample

SAMPLE = Sample(
    never_stopped={
        "segregation.book": "it waits for the close of a business day, which a clock of wall time does not give",
    },
    no_rows={"segregations": "the house's own"},
    refused_changes=("segregations through = -1",),
)
