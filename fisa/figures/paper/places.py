"""Maps over the image in print: attention of every emotion on one scale, and one signed attribution.

The image is grey and light below them, so that the darkest places are those of the greatest values, in print as on a
screen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from PIL import Image

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, percent, wheel_order
from fisa.figures.overlays import attention_overlay, enlarged, strength_of
from fisa.figures.paper.sheet import SMALL, WIDTHS, Width, bare, colours_of, mark, printable, sheet, short, styled
from fisa.figures.theme import palette

SIDE = 256
"""Pixels a side of each panel: 300 dpi and more, five to a row."""

_FAINTEST, _COVER = 0.55, 0.9
_ROOM = "\u00a0" * 3  # for the shape before a name; SVG drops other spaces


@styled()
def attention(
    image: np.ndarray,
    maps: np.ndarray,
    space: EmotionSpace,
    null: np.ndarray | None = None,
    outlines: Mapping[int, np.ndarray] | None = None,
    aspect: float = 1.0,
    width: Width = "two",
) -> Figure:
    """Draw the image and, over it, the attention of every emotion, all on one scale: that of the square root.

    Args:
        image: uint8 RGB square [S, S, 3].
        maps: float [C, h, w], none negative.
        space: Label space of C emotions.
        null: [C], the share of attention at no place, written beside the names.
        outlines: Emotion -> bool [S, S], where its motifs are.
        aspect: Width over height as the image is shown.
        width: Of one or of two columns.

    Raises:
        FigureError: Wrong shapes, a negative or non-finite attention.
    """
    weights = checked(maps, (len(space), None, None), "attention maps")
    if not weights.size or weights.min() < 0:
        raise FigureError(f"attention maps: expected one or more cells, none negative, got {list(weights.shape)}")
    order = wheel_order(space)
    large = {emotion: enlarged(weights[emotion], SIDE) for emotion in order}
    top = max(float(one.max()) for one in large.values()) or 1.0  # the root, as one sharp peak would hide all else
    faint = _faint(image)
    columns = min(len(order) + 1, 3 if width == "one" else 5)
    figure, panels = _panels(
        width, columns, len(order) + 1, aspect, f"Attention of {len(order)} emotions over one image"
    )
    _show(panels[0], _outlined(_resized(image), list((outlines or {}).values())), aspect)
    panels[0].set_title("image", fontsize=SMALL, loc="left", pad=3)
    scale = palette("light").sequential
    for panel, emotion in zip(panels[1:], order, strict=False):
        share = np.sqrt(large[emotion] / top)
        pixels = _covered(faint, colours_of(scale)(share)[..., :3], share)
        own = [outlines[emotion]] if outlines and emotion in outlines else []
        _show(panel, _outlined(pixels, own), aspect)
        rest = "" if null is None else f" (null {percent(float(null[emotion]))})"
        panel.set_title(f"{_ROOM}{space.labels[emotion]}{rest}", fontsize=SMALL * 0.92, loc="left", pad=3)
        mark(panel, space, emotion, 0.03 * SIDE, -0.055 * SIDE * min(max(aspect, 1 / 3), 3), 12)
    ramp = np.linspace(0, 1, 256)[None]
    bar = _covered(np.full((1, 256, 3), 0.8), colours_of(scale)(ramp)[..., :3], ramp)
    words = "share of the emotion's attention in a cell (square-root scale)"
    _ramp(figure, list(panels), bar, PowerNorm(0.5, 0.0, top), words)
    return figure


@styled()
def attribution(
    image: np.ndarray, values: np.ndarray, title: str = "", unit: str = "logit", aspect: float = 1.0,
    width: Width = "one",
) -> Figure:  # fmt: skip
    """Draw the image and a signed attribution over it: orange raises the target, blue lowers it.

    Lines mark half of full colour: solid for what raises, broken for what lowers.

    Args:
        image: uint8 RGB square [S, S, 3].
        values: float [h, w], any signs.
        title: Of the map.
        unit: Of the values, for the scale.
        aspect: Width over height as the image is shown.
        width: Of one or of two columns.

    Raises:
        FigureError: Wrong shapes, or values that are not finite.
    """
    amounts = checked(values, (None, None), "attribution")
    if not amounts.size:
        raise FigureError("attribution: has no cells")
    large = enlarged(amounts, SIDE)
    strong = strength_of(large)
    figure, panels = _panels(width, 2, 2, aspect, f"{title or 'Attribution'} over one image")
    _show(panels[0], _resized(image), aspect)
    panels[0].set_title("image", fontsize=SMALL, loc="left", pad=3)
    colours = colours_of(palette("light").diverging)
    share = np.clip(large / strong, -1, 1)
    _show(panels[1], _covered(_faint(image), colours((share + 1) / 2)[..., :3], np.abs(share)), aspect)
    if np.abs(share).max() > 0.5:
        levels = [level for level in (-0.5, 0.5) if share.min() < level < share.max()]
        dashes = ["--" if level < 0 else "-" for level in levels]
        panels[1].contour(share, levels, colors="black", linewidths=0.5, linestyles=dashes)
    panels[1].set_title(printable(title), fontsize=SMALL, loc="left", pad=3)
    ramp = np.linspace(-1, 1, 256)[None]
    bar = _covered(np.full((1, 256, 3), 0.8), colours((ramp + 1) / 2)[..., :3], np.abs(ramp))
    _ramp(figure, list(panels), bar, Normalize(-strong, strong), f"{unit} a place; beyond the ends, full colour")
    return figure


@styled()
def maps(
    image: np.ndarray, values: Mapping[str, np.ndarray], emotion: str, aspect: float = 1.0, width: Width = "two"
) -> Figure:
    """Draw one emotion's attention by several runs on one scale, that of the square root; below it, differences.

    Differences are to the first run, all on one scale centred on zero: orange where a run looks more than the first.

    Args:
        image: uint8 RGB square [S, S, 3].
        values: Run -> float [h, w], none negative; all on one grid (:func:`fisa.figures.regridded`).
        emotion: Its name.
        aspect: Width over height as the image is shown.
        width: Of one or of two columns.

    Raises:
        FigureError: No run, maps of several sizes, a negative or non-finite attention.
    """
    if not values:
        raise FigureError("attention maps: expected those of one run or more")
    weights = checked(np.stack(list(_one_size(values))), (None, None, None), "attention maps")
    if not weights.size or weights.min() < 0:
        raise FigureError(f"attention maps: expected one or more cells, none negative, got {list(weights.shape)}")
    large = [enlarged(one, SIDE) for one in weights]
    top = max(float(one.max()) for one in large) or 1.0
    names, rows = [short(name) for name in values], 1 if len(values) == 1 else 2
    side = WIDTHS[width] / (len(names) + 1)
    tall = min(side / min(max(aspect, 1 / 3), 3), 1.4 * side)
    figure = sheet(width, rows * (tall + 15), f"Attention of {emotion} by {', '.join(names)} over one image.")
    panels = figure.subplots(rows, len(names) + 1, squeeze=False)
    for panel in panels.ravel():
        panel.set_axis_off()
    _show(panels[0, 0], _resized(image), aspect)
    panels[0, 0].set_title("image", fontsize=SMALL, pad=3)
    faint, colours = _faint(image), colours_of(palette("light").sequential)
    for panel, name, one in zip(panels[0, 1:], names, large, strict=True):
        share = np.sqrt(one / top)
        _show(panel, _covered(faint, colours(share)[..., :3], share), aspect)
        panel.set_title(name, fontsize=SMALL, pad=3)
    ramp = np.linspace(0, 1, 256)[None]
    bar = _covered(np.full((1, 256, 3), 0.8), colours(ramp)[..., :3], ramp)
    words = f"share of the attention of {emotion} in a cell (square-root scale)"
    _ramp(figure, list(panels[0]), bar, PowerNorm(0.5, 0.0, top), words)
    if rows == 2:
        _gaps(figure, panels[1], faint, {name: one - large[0] for name, one in zip(names, large, strict=True)}, aspect)
    return figure


def _one_size(values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    if len({np.shape(one) for one in values.values()}) > 1:
        raise FigureError("attention maps: expected one size; bring them to one grid first")
    return list(values.values())


def _gaps(figure: Figure, panels: np.ndarray, faint: np.ndarray, gaps: Mapping[str, np.ndarray], aspect: float) -> None:
    """Draw the differences to the first of several maps below them, on one scale."""
    first, *others = gaps
    reach = max(float(np.abs(gaps[name]).max()) for name in others) or 1.0
    colours = colours_of(palette("light").diverging)
    for panel, name in zip(panels[2:], others, strict=True):
        share = gaps[name] / reach
        _show(panel, _covered(faint, colours((share + 1) / 2)[..., :3], np.abs(share)), aspect)
        panel.set_title(f"{name} − {first}", fontsize=SMALL, pad=3)
    ramp = np.linspace(-1, 1, 256)[None]
    bar = _covered(np.full((1, 256, 3), 0.8), colours((ramp + 1) / 2)[..., :3], np.abs(ramp))
    _ramp(figure, list(panels), bar, Normalize(-reach, reach), f"difference to {first}")


def _panels(width: Width, columns: int, count: int, aspect: float, alt: str) -> tuple[Figure, np.ndarray]:
    rows = math.ceil(count / columns)
    side = WIDTHS[width] / columns
    tall = min(side / min(max(aspect, 1 / 3), 3), 1.4 * side)
    figure = sheet(width, rows * (tall + 4) + 11, f"{alt}.")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    return figure, panels


def _show(panel: Axes, pixels: np.ndarray, aspect: float) -> None:
    panel.set_axis_on()
    panel.imshow(pixels, aspect=1 / min(max(aspect, 1 / 3), 3), interpolation="none")
    panel.set_xticks([])
    panel.set_yticks([])
    bare(panel)


def _resized(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _faint(image: np.ndarray) -> np.ndarray:
    """Return the image in light greys, [SIDE, SIDE, 3] in 0..1."""
    grey = np.asarray(Image.fromarray(_resized(image)).convert("L"), dtype=np.float64) / 255
    return np.repeat((_FAINTEST + (1 - _FAINTEST) * grey)[:, :, None], 3, axis=2)


def _covered(below: np.ndarray, colour: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Lay colours over what is below, each as dense as its share; uint8."""
    cover = _COVER * share[..., None]
    return np.asarray(np.rint(255 * (below * (1 - cover) + colour * cover)), dtype=np.uint8)


def _outlined(pixels: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    small = [np.asarray(Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.NEAREST)) for mask in masks]
    return attention_overlay(pixels, np.zeros((1, 1)), "#000000", 0.0, small)


def _ramp(figure: Figure, panels: list[Axes], pixels: np.ndarray, norm: Normalize, words: str) -> None:
    """Draw the scale of all panels below them, in pixels made as theirs are."""
    colours = ScalarMappable(norm, ListedColormap(pixels[0] / 255))
    bar = figure.colorbar(colours, ax=panels, location="bottom", shrink=0.6, aspect=40, pad=0.02)
    bar.set_label(words, fontsize=SMALL)
    bar.outline.set_visible(False)
