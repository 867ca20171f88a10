"""Options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

DEFAULT_DATA_DIR = Path("var")

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where the data is kept; with DATABASE_URL set, the database is there and only keys and profile are here.",
    ),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="The tenant; needed only where there are several.")
]
OnlyTenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Of this tenant only; without it, of every tenant.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Mode = Literal["sandbox", "production"]
Pace = Literal["instant", "calendar"]
PACES = "Everything at once (instant), or trading hours and settlement days as they are (calendar)."
