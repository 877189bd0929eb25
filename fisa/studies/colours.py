"""What colours alone say of valence and arousal: statistics, the formula of Valdez & Mehrabian, ridge regression."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageCms

from fisa.images import to_square

SIDE = 128
"""Side in pixels of the squares that statistics are taken of."""

FORMULA = np.array([[0.69, 0.22], [-0.31, 0.60]])
"""Pleasure and arousal (rows) by brightness and saturation (columns), standardised; Valdez & Mehrabian (1994)."""

PERCENTILES = (5, 50, 95)
HUES = 12
ALPHAS = np.logspace(-1, 4, 11)
INNER_FOLDS = 5

_TO_LAB = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


def lab(image: np.ndarray) -> np.ndarray:
    """Turn sRGB, uint8 [h, w, 3], into CIELAB: L* 0 to 100, a* and b* about -128 to 127, float [h, w, 3]."""
    values = np.array(ImageCms.applyTransform(Image.fromarray(image), _TO_LAB))
    return np.stack([values[..., 0] / 2.55, *np.moveaxis(values[..., 1:].view(np.int8).astype(float), -1, 0)], axis=-1)


def colour_statistics(image: np.ndarray) -> np.ndarray:
    """Return what is known of an image by its colours, float [33].

    Of L*, a*, b* and chroma the mean, the standard deviation and three percentiles; then the share of each of twelve
    hues, weighted by chroma, and the chroma in all. The first two are mean L* and mean chroma, CIELAB's counterparts
    of Munsell value and chroma, which the formula calls brightness and saturation.

    Args:
        image: uint8 RGB [h, w, 3], of any size; stretched to ``SIDE`` pixels a side.
    """
    pixels = lab(to_square(image, SIDE)).reshape(-1, 3)
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    channels = np.column_stack([pixels[:, 0], chroma, pixels[:, 1:]])
    hue = np.arctan2(pixels[:, 2], pixels[:, 1])
    weights = np.histogram(hue, HUES, (-np.pi, np.pi), weights=chroma)[0] / len(pixels)
    return np.concatenate(
        [
            channels.mean(0),
            channels.std(0),
            np.percentile(channels, PERCENTILES, axis=0).ravel(),
            weights / max(weights.sum(), 1e-9),
            [np.log1p(weights.sum())],
        ]
    )


def formula_ratings(
    statistics: np.ndarray, train: np.ndarray, target: np.ndarray, test: np.ndarray, calibrated: bool
) -> np.ndarray:
    """Return what the formula says of ``test``, its scale taken from ``train``.

    Args:
        statistics: Of all images, [N, 33].
        train: Rows to learn from.
        target: Their ratings, [n, 2].
        test: Rows to predict.
        calibrated: Slope and offset by least squares, where the slope may turn the formula around; else the formula's
            scores get the mean and the standard deviation of the training ratings.

    Returns:
        [rows of test, 2], not clipped.
    """
    pair = statistics[:, :2]
    centre, spread = pair[train].mean(0), pair[train].std(0)
    scores = (pair - centre) / np.where(spread > 0, spread, 1) @ FORMULA.T
    known = scores[train]
    if calibrated:
        slope = ((known - known.mean(0)) * (target - target.mean(0))).mean(0) / known.var(0).clip(1e-12)
    else:
        slope = target.std(0) / known.std(0).clip(1e-6)
    return np.asarray(target.mean(0) + (scores[test] - known.mean(0)) * slope)


def ridge_ratings(
    statistics: np.ndarray, train: np.ndarray, target: np.ndarray, test: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Return what ridge regression on standardised statistics says of ``test``, each dimension by itself.

    The penalty is the one of ``ALPHAS`` with the lowest squared error over folds of whole groups within ``train``.

    Args:
        statistics: Of all images, [N, 33].
        train: Rows to learn from.
        target: Their ratings, [n, 2].
        test: Rows to predict.
        groups: Group of each row of ``train``, [n].
    """
    from sklearn.linear_model import Ridge  # slow to import
    from sklearn.model_selection import GridSearchCV, GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    count = min(INNER_FOLDS, len(np.unique(groups)))
    columns = []
    for column in target.T:
        search = GridSearchCV(
            make_pipeline(StandardScaler(), Ridge()),
            {"ridge__alpha": ALPHAS},
            scoring="neg_mean_squared_error",
            cv=GroupKFold(count),
        )
        columns.append(search.fit(statistics[train], column, groups=groups).predict(statistics[test]))
    return np.column_stack(columns)
