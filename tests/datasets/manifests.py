"""What every manifest must be, whatever lies on disk."""

from pathlib import Path

import numpy as np
import pandas as pd

from fisa.datasets import Photographs, open_dataset
from fisa.images import decode


def whole(name: str, root: Path) -> pd.DataFrame:
    """The manifest of all images, after the checks that every data set must pass."""
    data = open_dataset(name, root, "all")
    assert isinstance(data, Photographs)
    manifest = data.manifest
    labels = list(data.space.labels)
    assert list(manifest.columns[: 4 + len(labels)]) == ["id", "path", "split", "votes", *labels]
    assert manifest["id"].is_unique and all((data.root / path).is_file() for path in manifest["path"])
    if labels:
        np.testing.assert_allclose(manifest[labels].sum(axis=1), 1)
    sample = data[len(data) - 1]
    np.testing.assert_array_equal(sample.image, decode(data.root / manifest["path"].iloc[-1]))
    np.testing.assert_array_equal(sample.target, manifest[labels].iloc[-1])
    return manifest
