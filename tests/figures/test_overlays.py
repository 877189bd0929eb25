"""Attention over pixels: worked values, an independent upsampling, outlines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from fisa.figures import PALETTES, FigureError, attention_overlay, signed_overlay

GREY = np.full((4, 4, 3), 100, np.uint8)


def test_two_cells_over_four_pixels_by_hand() -> None:
    # Pixel centres in cells: -.25, .25, .75, 1.25; held at the edges the row [0, 1] becomes 0, .25, .75, 1.
    attention = np.array([[0.0, 0.5], [0.0, 0.5]])  # divided by its maximum: [0, 1]
    shown = attention_overlay(GREY, attention, "#ff0000", 0.8)
    # red: 100 + 155 * .8 * (0, .25, .75, 1) = 100, 131, 193, 224; green and blue: 100 * (1 - .8 * w) = 100, 80, 40, 20
    assert shown[0].tolist() == [[100, 100, 100], [131, 80, 80], [193, 40, 40], [224, 20, 20]]
    assert (shown == shown[0]).all()


def test_full_opacity_of_a_flat_map_is_the_colour() -> None:
    assert (attention_overlay(GREY, np.ones((2, 2)), "#0072B2", 1.0) == [0, 0x72, 0xB2]).all()


@pytest.mark.parametrize(("cells", "side"), [((3, 3), 12), ((5, 7), 32), ((12, 12), 96), ((1, 1), 8), ((13, 13), 40)])
def test_upsampling_is_that_of_the_grade(cells: tuple[int, int], side: int) -> None:
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    attention = np.random.default_rng(side).random(cells)
    large = functional.interpolate(
        torch.from_numpy(attention)[None, None], size=(side, side), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    black = np.zeros((side, side, 3), np.uint8)
    shown = attention_overlay(black, attention, "#ffffff", 1.0)[:, :, 0]
    assert np.abs(shown.astype(float) - 255 * large / large.max()).max() <= 0.51  # rounding to whole levels


@given(arrays(np.uint8, (6, 6, 3)), arrays(float, (3, 2), elements=st.floats(0, 1)), st.floats(0, 1))
def test_overlay_lies_between_image_and_colour(image: np.ndarray, attention: np.ndarray, opacity: float) -> None:
    before = image.copy()
    shown = attention_overlay(image, attention, "#8040c0", opacity).astype(int)
    colour = np.array([0x80, 0x40, 0xC0])
    assert (shown >= np.minimum(image, colour)).all() and (shown <= np.maximum(image, colour)).all()
    assert (image == before).all()


@given(arrays(np.uint8, (6, 6, 3)), arrays(float, (3, 3), elements=st.floats(0, 1)))
def test_no_opacity_or_no_attention_returns_a_copy_unchanged(image: np.ndarray, attention: np.ndarray) -> None:
    for shown in (
        attention_overlay(image, attention, "#ff0000", 0.0),
        attention_overlay(image, np.zeros((3, 3)), "#ff0000", 1.0),
    ):
        assert (shown == image).all() and shown is not image


@given(arrays(bool, (12, 12)))
def test_outlines_touch_only_the_mask_border(mask: np.ndarray) -> None:
    image = np.full((12, 12, 3), 100, np.uint8)
    shown = attention_overlay(image, np.zeros((2, 2)), "#ff0000", 0.5, [mask])
    changed = (shown != image).any(axis=2)
    # A pixel is on the border where it or a 4-neighbour lies on the other side; the frame counts as outside.
    padded = np.pad(mask, 1)
    cross = ndimage.generate_binary_structure(2, 1)
    differs = ndimage.maximum_filter(padded, footprint=cross) != ndimage.minimum_filter(padded, footprint=cross)
    assert (changed == differs[1:-1, 1:-1]).all()
    assert (shown[changed & mask] == 255).all()  # light inside
    assert (shown[changed & ~mask] < 30).all()  # dark outside


def test_outlines_grow_with_the_image_and_may_be_several() -> None:
    image = np.full((512, 512, 3), 100, np.uint8)
    first, second = np.zeros((2, 512, 512), bool)
    first[10:60, 10:60] = second[300:400, 300:400] = True
    shown = attention_overlay(image, np.zeros((2, 2)), "#ff0000", 0.5, [first, second])
    assert (shown[10:12, 30] == 255).all() and (shown[12, 30] == 100).all()  # two pixels at 512
    assert (shown[300, 350] == 255).all()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"image": GREY.astype(float)}, "image: expected square uint8"),
        ({"image": GREY[:3]}, r"image: .* got uint8 \[3, 4, 3\]"),
        ({"image": GREY[:, :, 0]}, "image: expected square"),
        ({"attention": np.array([[np.nan]])}, "attention map: 1 of 1 values are NaN"),
        ({"attention": np.array([[-0.1]])}, "none negative"),
        ({"attention": np.ones((5, 5))}, "1 to 4 cells a side"),
        ({"attention": np.ones((0, 0))}, "1 to 4 cells a side"),
        ({"attention": np.ones(4)}, r"expected shape \[any, any\]"),
        ({"colour": "red"}, "colour 'red': expected #rrggbb"),
        ({"opacity": 1.5}, "opacity 1.5: expected a number from 0 to 1"),
        ({"opacity": float("nan")}, "expected a number from 0 to 1"),
        ({"outlines": [np.ones((3, 3), bool)]}, r"outline: expected a bool mask \[4, 4\]"),
        ({"outlines": [np.ones((4, 4))]}, "got float64"),
    ],
)
def test_unusable_input_is_refused(changes: dict[str, object], complaint: str) -> None:
    given_ = {"image": GREY, "attention": np.ones((2, 2)), "colour": "#ff0000", "opacity": 0.5, **changes}
    with pytest.raises(FigureError, match=complaint):
        attention_overlay(**given_)  # type: ignore[arg-type]


def test_a_signed_map_by_hand() -> None:
    # Four cells on four pixels a side; the 0.99 quantile of the absolute values is 2, so 1 has half the cover.
    values = np.zeros((4, 4))
    values[0] = [2, -2, 1, 0]
    values[1:3, 0] = 2
    shown = signed_overlay(GREY, values, "light", opacity=1.0)
    up, down = ([int(PALETTES["light"].up[i : i + 2], 16) for i in (1, 3, 5)], [0x1F, 0x66, 0xB0])
    assert shown[0, 0].tolist() == up and shown[0, 1].tolist() == down
    assert shown[0, 2].tolist() == [round((100 + colour) / 2) for colour in up]
    assert (shown[3] == 100).all()


def test_a_signed_map_of_nothing_greys_the_image_and_bad_ones_are_refused() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 0] = 255
    grey = round(255 * 0.299)  # luma of pure red, ITU-R 601
    assert (signed_overlay(image, np.zeros((2, 2)), "dark") == grey).all()
    for values, opacity in ((np.full((2, 2), np.nan), 0.5), (np.zeros(3), 0.5), (np.zeros((2, 2)), 2.0)):
        with pytest.raises(FigureError):
            signed_overlay(image, values, "dark", opacity)
