"""What a figure may be asked to draw: checks with clear refusals, text made safe, the order of emotions."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

from fisa.emotions import EmotionSpace
from fisa.exceptions import FisaError
from fisa.language import tr


class FigureError(FisaError, ValueError):
    """Something that cannot be drawn; the message is one clear sentence."""


def plain(text: object) -> str:
    """Return ``text`` so that plotly shows it letter by letter instead of reading it as markup."""
    return html.escape(str(text), quote=False)


def wheel_order(space: EmotionSpace) -> list[int]:
    """Return label indices in wheel order, clockwise from the top; column order where the space has no wheel."""
    return list(space.wheel or range(len(space)))


def checked(values: np.ndarray, shape: tuple[int | None, ...], what: str) -> np.ndarray:
    """Return ``values`` as float64 after checking that they are finite and of ``shape`` (None = any length).

    Raises:
        FigureError: Another shape, not numbers, or a value that is NaN or infinite.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise FigureError(f"{what}: expected numbers") from None
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise FigureError(f"{what}: expected shape [{wanted}], got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise FigureError(f"{what}: {np.count_nonzero(~np.isfinite(array))} of {array.size} values are NaN or infinite")
    return array


def checked_distributions(space: EmotionSpace, distributions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the distributions as float64 [C] after checking each: C finite degrees >= 0 that sum to 1 (within 1e-3).

    Raises:
        FigureError: None is given, or one of them is not a distribution over ``space``.
    """
    if not distributions:
        raise FigureError("nothing to draw: give at least one distribution")
    rows = {}
    for name, values in distributions.items():
        row = checked(values, (len(space),), f"distribution {name!r}")
        if row.min() < 0 or abs(row.sum() - 1) > 1e-3:
            raise FigureError(
                f"distribution {name!r}: degrees must be at least 0 and sum to 1, "
                f"got a minimum of {row.min():.3g} and a sum of {row.sum():.4g}"
            )
        rows[name] = row
    return rows


def percent(share: float, decimals: int = 0) -> str:
    """Return a share in [0, 1] as a percentage; a share below 1 % shows at least one decimal."""
    return f"{100 * share:.{max(decimals, 1 if 0 < share < 0.0095 else 0)}f}%"


def signed(value: float, decimals: int = 2) -> str:
    """Return a number with its sign (a true minus) and ``decimals``; zero has none."""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def listed(parts: Sequence[str]) -> str:
    """Join ``parts`` as in a sentence: "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return tr("{several} and {last}", several=tr(", ").join(parts[:-1]), last=parts[-1])


def top_emotions(space: EmotionSpace, row: np.ndarray, count: int = 3) -> str:
    """Describe the ``count`` strongest emotions of a distribution: "awe 41 %, fear 22 %"."""
    order = np.argsort(-row, kind="stable")[:count]
    return tr(", ").join(f"{space.names[i]} {percent(row[i])}" for i in order)
