"""Arguments that several commands declare alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, such as artifacts/fisa.")]
TableFormat = Annotated[
    Literal["markdown", "latex", "csv", "html"],
    typer.Option("--format", help="Text format of the table; csv has every number exactly."),
]
