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
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out what is wrong in the data instead of refusing it.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Ray cluster, such as auto or 10.0.0.1:6379. Default: one on this machine, for as long as it takes.",
    ),
]
