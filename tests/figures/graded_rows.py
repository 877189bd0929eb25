"""Grades by hand, as they are drawn on screen and in print."""

import pandas as pd

DOTS = pd.DataFrame(
    [
        ("a<b", "Same", "baseline", 0.6, None, None),
        ("a<b", "Attention", "method", 0.5, 0.4, 0.7),
        ("a<b", "Own change", "ceiling", 1.0, None, None),
        ("a<b", "Grad-CAM", "method", 0.7, 0.65, 0.75),
        ("c", "Attention", "method", 0.9, 0.8, 0.95),
    ],
    columns=["run", "subject", "kind", "value", "low", "high"],
)
CURVES = pd.DataFrame(
    [("Attention", "iid", 0.9, 0.8, 0.95), ("Attention", "rendering", 0.6, None, None), ("x", "iid", 0.1, 0.0, 0.2)],
    columns=["line", "split", "value", "low", "high"],
)
