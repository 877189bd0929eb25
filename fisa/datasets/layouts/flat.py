"""Sets whose file names or folders carry the label: FI (``<emotion>/*.jpg``) and ArtPhoto (``<emotion>_<n>.jpg``)."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from fisa.datasets.columns import label_of
from fisa.datasets.layouts.folder import read_classes
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems, ordinals
from fisa.datasets.rows import Rows, class_rows
from fisa.emotions import MIKELS8

read_fi = partial(read_classes, space=MIKELS8)


def read_artphoto(listing: Listing, problems: Problems) -> Rows:
    """Read images whose names begin with their label, up to the first underscore; ``sad`` is sadness."""
    prefixes = pd.Series([name.rpartition("/")[2].partition("_")[0] for name in listing.images], dtype="str")
    labels = prefixes.map({prefix: label_of(prefix, MIKELS8) for prefix in pd.unique(prefixes)})
    stray = listing.images[labels.isna()]
    problems.add_rows(
        ["the name does not begin with a label"] * len(stray),
        f"begin it with one of {', '.join(MIKELS8.labels)} and an underscore",
        rows=[None] * len(stray),
        images=stray,
    )
    chosen = np.array(ordinals(labels.notna().to_numpy()), dtype=np.int64)
    return class_rows(listing.images[chosen], labels.iloc[chosen], MIKELS8)
