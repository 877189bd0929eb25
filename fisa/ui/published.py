"""Published results on real data sets, as their authors report them; they never stand beside planted data."""

from __future__ import annotations

import pandas as pd

_COLUMNS = ("data", "KL ↓", "Chebyshev ↓", "Clark / √C ↓", "Canberra / C ↓", "Cosine ↑", "Intersection ↑")
_ROWS = (
    ("StyleEDL", "Flickr_LDL", 0.39, 0.21, 0.76, 0.66, 0.88, 0.71),
    ("SSDL", "Flickr_LDL", 0.46, 0.23, 0.78, 0.69, 0.85, 0.68),
    ("StyleEDL", "Twitter_LDL", 0.42, 0.22, 0.84, 0.77, 0.89, 0.73),
    ("SSDL", "Twitter_LDL", 0.51, 0.25, 0.84, 0.76, 0.86, 0.69),
    ("StyleEDL", "Emotion6", 0.36, 0.22, 0.59, 0.47, 0.84, 0.70),
    ("SSDL", "Emotion6", 0.40, 0.24, 0.62, 0.51, 0.79, 0.66),
)

TABLE = pd.DataFrame([row[1:] for row in _ROWS], columns=list(_COLUMNS), index=[row[0] for row in _ROWS])
"""One row a system and data set; the index is the system."""
