"""A small data set whose pixels are known without drawing them."""

import numpy as np
import pandas as pd

from fisa.datasets.base import Sample
from fisa.datasets.packed import CHUNK
from fisa.emotions import EKMAN6, EmotionSpace


class Patches:
    """A data set of plain colours, 6 x 4 pixels; image i has the value i in every channel."""

    name = "patches"
    split = "train"
    space: EmotionSpace = EKMAN6
    manifest = pd.DataFrame()

    def __init__(self, count: int = 2 * CHUNK + 5, version: str = "a") -> None:
        self.count, self.version, self.made = count, version, 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        self.made += 1
        return Sample(np.full((4, 6, 3), index, dtype=np.uint8), np.full(6, 1 / 6))


def expected(count: int, size: int) -> np.ndarray:
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, size, size, 3))
