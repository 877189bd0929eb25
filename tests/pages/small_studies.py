"""A study as small as one can be."""

import numpy as np
import pandas as pd

from fisa.config import RunConfig
from fisa.studies.results import RUN_COLUMNS, StudyResults


def small_draft(*widths: int) -> StudyResults:
    """Settings of the draft: one head with a cell, sixteen with two seeds, and some widths without any."""
    models = {f"h{heads}": {"dim": 16, "heads": heads} for heads in (1, 16)}
    models |= {f"d{width}": {"dim": width, "heads": 1} for width in widths}
    configs = {
        name: RunConfig.model_validate(
            {"name": "x", "data": {"name": "planted-tiny"}, "model": {"name": "fisa", **model}}
        )
        for name, model in models.items()
    }
    cells = [
        {**dict.fromkeys(RUN_COLUMNS), "system": name, "state": "finished", "accuracy": 0.5, "cosine": 0.8, "kl": kl}
        for name, kl in (("h1", 0.25), ("h16", 0.75), ("h16", 0.25))
    ]
    runs = pd.DataFrame(cells).assign(trial=np.nan)
    empty = pd.DataFrame()
    return StudyResults("draft", "h1", ("h1", "h16"), runs, empty, empty, configs, {}, {}, (), {})
