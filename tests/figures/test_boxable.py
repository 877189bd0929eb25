"""A picture on which boxes are drawn."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from fisa.figures import FigureError, boxable_picture


def test_the_picture_lies_between_0_and_1_under_points_that_nobody_sees() -> None:
    image = np.full((40, 40, 3), (200, 30, 90), np.uint8)
    figure = boxable_picture(image, [(0.1, 0.2, 0.5, 0.6)], "a picture", "dark", aspect=2.0)
    (below,) = figure.layout.images
    assert (below.x, below.y, below.sizex, below.sizey, below.layer) == (0, 0, 1, 1, "below")
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(below.source.partition(",")[2]))))
    assert decoded.shape == image.shape and np.abs(decoded.astype(int) - image).max() <= 3
    (points,) = figure.data
    assert points.marker.opacity == points.unselected.marker.opacity == 0
    # Boxes of a twentieth of the side hold a point wherever they are.
    assert np.diff(np.unique(points.x)).max() < 1 / 20 and min(points.x) < 1 / 40 and max(points.x) > 39 / 40
    assert list(figure.layout.xaxis.range) == [0, 1] and list(figure.layout.yaxis.range) == [1, 0]
    assert figure.layout.yaxis.scaleratio == 0.5 and figure.layout.dragmode == "select"
    outlines = [(each.x0, each.y0, each.x1, each.y1) for each in figure.layout.shapes]
    assert outlines == [(0.1, 0.2, 0.5, 0.6)] * 2
    assert figure.layout.meta["alt"] == "a picture"


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(FigureError, match="expected uint8 RGB"):
        boxable_picture(np.zeros((4, 4)), [], "nothing")
