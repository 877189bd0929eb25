"""The study that the draft of FISA reports, and our cells beside it.

It gives accuracy, cosine and KL times 1000, on validation, often two values, on mixed machines, some unfinished; only
margins of its grid, whose rows name what varies and leave the rest to the text. Context, not targets: its data are
photographs.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from math import isclose
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from fisa.config import FisaConfig, ObjectiveConfig, RunConfig
from fisa.studies.results import StudyResults

_FILE = Path(__file__).with_name("draft.csv")
SETTINGS = ("embedding", "a", "dim", "heads")
MEASURES = {"acc": "accuracy", "cos": "cosine", "kl": "kl"}
"""Of the draft -> ours."""

DRAFTED = (
    FisaConfig(score="dot", effect="literal", readout="joint", output="sigmoid", evidence=False, null_position=False),
    ObjectiveConfig(kl=0, emd=0.95, density=0.05, emd_on="raw", emd_order="votes"),
)
"""What the draft does in every cell, as configs/fisa-draft.yaml has it; ``VARIED`` does not count."""
VARIED = ({"backbone", "semantic_attention", "dim", "heads"}, {"emd", "density"})
"""What its cells differ in, and the backbone, which is a study's own as its data are."""
EMBEDDINGS = {"spatial": "HasEb", "none": "NoEb"}
"""How ``model.semantic_attention`` stands in its tables; docs/methods.md says why."""

UNNAMED: Mapping[str, Mapping[str, tuple[float | str, ...]]] = MappingProxyType(
    {
        "loss": {"dim": (256.0,), "heads": (8.0,)},
        "width": {"embedding": ("HasEb",), "a": (0.85,), "heads": (8.0,)},
        "heads": {"a": (0.85, 0.95), "dim": (256.0,)},
    }
)
"""Table -> what its rows may mean by a setting that they leave out.

"a=0.85, d=256, h=8" stands above the tables. That of widths names no embedding, but its figures at d = 256 are nearly
those of HasEb at a = .85 in that of losses. Of the heads a stays open: the only row there that names one has a = .95.
"""


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
    """Return which cell of the draft's grid a configuration is, or None where it does what no cell of it does."""
    model, objective = config.model, config.objective
    if not isinstance(model, FisaConfig) or model.semantic_attention not in EMBEDDINGS:
        return None
    for section, drafted, varied in zip((model, objective), DRAFTED, VARIED, strict=True):
        if section.model_dump(exclude=varied) != drafted.model_dump(exclude=varied):
            return None
    if not isclose(objective.emd + objective.density, 1):
        return None
    return {
        "embedding": EMBEDDINGS[model.semantic_attention],
        "a": objective.emd,
        "dim": float(model.dim),
        "heads": float(model.heads),
    }


def beside_draft(results: StudyResults) -> pd.DataFrame:
    """Set the systems of a study beside each cell that the draft reports.

    Returns:
        The rows of :func:`draft_cells`, each once for every system of the study that does what the draft does and
        agrees with the row in what it names, and in the rest with ``UNNAMED``; and once with no system where none
        does. Added columns: ``system``; and of its cells ``ours_accuracy``, ``ours_cosine``, ``ours_kl`` (means), each
        with ``_std``, and ``ours_n``. A system of which a cell diverged has no means.
    """
    diverged = results.cells.loc[results.cells["state"] == "diverged", "system"]
    cells = results.cells[(results.cells["state"] == "finished") & ~results.cells["system"].isin(diverged)]
    ours = {system: found for system, config in results.configs.items() if (found := draft_settings(config))}
    rows = []
    for theirs in draft_cells().to_dict("records"):
        named = {key: (theirs[key],) for key in SETTINGS if theirs[key] == theirs[key] and theirs[key] != ""}
        meant = {**UNNAMED[theirs["table"]], **named}
        alike = [system for system, own in ours.items() if all(own[key] in meant[key] for key in SETTINGS)]
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
