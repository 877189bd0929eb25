"""The study that the draft of FISA reports, and our cells beside it.

It gives accuracy, cosine and KL times 1000, on validation, often two values, on mixed machines, some unfinished; only
margins of its grid, each without the settings that it does not name. Context, not targets: its data are photographs.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fisa.config import FisaConfig, RunConfig
from fisa.studies.results import StudyResults

_FILE = Path(__file__).with_name("draft.csv")
SETTINGS = ("embedding", "a", "dim", "heads")
MEASURES = {"acc": "accuracy", "cos": "cosine", "kl": "kl"}
"""Of the draft -> ours."""


@cache
def draft_cells() -> pd.DataFrame:
    """Return what the draft prints, a row a cell.

    Columns: ``table`` (loss, width or heads); the settings ``embedding`` (HasEb, NoEb or ""), ``a``, ``dim``, ``heads``
    (NaN where the table does not say); ``acc``, ``cos``, ``kl`` divided by 1000, each with the second of two printed
    values as ``_second``; ``mark``, what stands beside the row there; ``remark``, ours.
    """
    table = pd.read_csv(_FILE, keep_default_na=False, na_values={key: "" for key in _numbers()})
    printed = [key + end for key in MEASURES for end in ("", "_second")]
    return table.assign(**{name: table[name] / 1000 for name in printed})


def draft_settings(config: RunConfig) -> dict[str, float | str] | None:
    """Return which cell of the draft's grid a configuration is, or None where it is no FISA."""
    if not isinstance(config.model, FisaConfig):
        return None
    return {
        "embedding": "NoEb" if config.model.semantic_attention in ("none", "class_maps") else "HasEb",
        "a": config.objective.emd,
        "dim": float(config.model.dim),
        "heads": float(config.model.heads),
    }


def beside_draft(results: StudyResults) -> pd.DataFrame:
    """Set the systems of a study beside each cell that the draft reports.

    Returns:
        The rows of :func:`draft_cells`, each once for every system of the study that agrees with it in all settings
        that its table names, and once with no system where none does. Added columns: ``system``; and of its cells
        ``ours_accuracy``, ``ours_cosine``, ``ours_kl`` (means), each with ``_std``, and ``ours_n``. A system of which
        a cell diverged has no means.
    """
    diverged = results.cells.loc[results.cells["state"] == "diverged", "system"]
    cells = results.cells[(results.cells["state"] == "finished") & ~results.cells["system"].isin(diverged)]
    ours = {system: found for system, config in results.configs.items() if (found := draft_settings(config))}
    rows = []
    for theirs in draft_cells().to_dict("records"):
        named = [key for key in SETTINGS if theirs[key] == theirs[key] and theirs[key] != ""]
        alike = [system for system, own in ours.items() if all(own[key] == theirs[key] for key in named)]
        rows += [theirs | {"system": system} | _measured(cells[cells["system"] == system]) for system in alike]
        rows += [] if alike else [theirs | {"system": None} | _measured(cells[:0])]
    return pd.DataFrame(rows)


def _measured(cells: pd.DataFrame) -> dict[Hashable, Any]:
    row: dict[Hashable, Any] = {"ours_n": len(cells)}
    for key in MEASURES.values():
        values = cells[key].astype(float) if key in cells else pd.Series(dtype=float)
        row[f"ours_{key}"] = float(values.mean())
        row[f"ours_{key}_std"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return row


def _numbers() -> list[str]:
    return ["a", "dim", "heads", *(key + end for key in MEASURES for end in ("", "_second"))]
