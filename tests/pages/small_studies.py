"""A study as small as one can be."""

from pathlib import Path

import numpy as np
import pandas as pd

from fisa.config import load_config
from fisa.studies.results import RUN_COLUMNS, StudyResults

DRAFT = Path(__file__).parents[2] / "configs/fisa-draft.yaml"


def small_draft(*widths: int) -> StudyResults:
    """Settings of the draft: one head with a cell, sixteen with two seeds, and some widths without any."""
    settings = {f"h{heads}": (f"model.heads={heads}",) for heads in (1, 16)}
    settings |= {f"d{width}": (f"model.dim={width}",) for width in widths}
    weights = ("objective.emd=0.85", "objective.density=0.15")
    configs = {name: load_config(DRAFT, (*weights, "data.name=planted-tiny", *own)) for name, own in settings.items()}
    cells = [
        {**dict.fromkeys(RUN_COLUMNS), "system": name, "state": "finished", "accuracy": 0.5, "cosine": 0.8, "kl": kl}
        for name, kl in (("h1", 0.25), ("h16", 0.75), ("h16", 0.25))
    ]
    runs = pd.DataFrame(cells).assign(trial=np.nan)
    empty = pd.DataFrame()
    return StudyResults("draft", "h1", ("h1", "h16"), runs, empty, empty, configs, {}, {}, (), {})
