"""Frames: the picture stays as it is, and right and wrong differ in form as well as in colour."""

import numpy as np
import pytest

from fisa.figures import FigureError, distance_text, framed, palette

GREY = np.full((32, 32, 3), 100, np.uint8)


def colours_of(frame: np.ndarray) -> set[str]:
    """The colours in the outermost two rows of pixels on every side."""
    inner = np.zeros(frame.shape[:2], dtype=bool)
    inner[2:-2, 2:-2] = True
    return {"#{:02x}{:02x}{:02x}".format(*pixel) for pixel in frame[~inner]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_right_is_solid_and_wrong_is_dashed(theme: str) -> None:
    colours = palette(theme)  # type: ignore[arg-type]
    for right, expected in ((True, {colours.down}), (False, {colours.up, colours.surface})):
        frame = framed(GREY, right, theme)  # type: ignore[arg-type]
        assert frame.shape == (36, 36, 3)  # a sixteenth of 32 on each side
        assert (frame[2:-2, 2:-2] == GREY).all()
        assert colours_of(frame) == expected


def test_dashes_are_even_without_colour() -> None:
    # Seen in grey, the first row of a wrong frame changes several times and that of a right one never.
    wrong, right = (framed(GREY, fits)[0].astype(float).mean(axis=1) for fits in (False, True))
    assert (np.diff(wrong) != 0).sum() >= 6 and (np.diff(right) != 0).sum() == 0


@pytest.mark.parametrize("image", [GREY[:, :8], GREY[:8, :8], GREY.astype(float)])
def test_what_cannot_be_framed_is_refused(image: np.ndarray) -> None:
    with pytest.raises(FigureError):
        framed(image, True)


@pytest.mark.parametrize(
    ("distance", "text"),
    [(0, "0.000"), (0.0001, "1.0e-04"), (3.41e-5, "3.4e-05"), (0.001, "0.001"), (12.3456, "12.346")],
)
def test_no_distance_is_written_as_none(distance: float, text: str) -> None:
    assert distance_text(distance) == text
