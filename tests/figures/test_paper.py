"""Figures for print: what they hold, that they fit a column, and that a file is the same each time it is made."""

import io
import warnings
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from fisa.emotions import EKMAN6, MIKELS8, SPACES, EmotionSpace
from fisa.figures import FigureError, paper
from fisa.figures.paper.sheet import MARKERS

TRUTH = np.array([0.1, 0.2, 0.3, 0.0, 0.05, 0.05, 0.25, 0.05])
GUESS = np.array([0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
BOTH = {"truth": TRUTH, "mine": GUESS}
WHEEL = [6, 7, 5, 4, 0, 2, 1, 3]  # fear, sadness, disgust, anger, amusement, contentment, awe, excitement
LABELS = [MIKELS8.labels[column] for column in WHEEL]
CELLS = np.arange(64, dtype=float).reshape(8, 8) - 40  # -40 .. 23
PICTURE = np.full((64, 64, 3), 128, np.uint8)


def texts(figure: Figure) -> list[str]:
    """Every text of the figure as SVG, in which a reader can search and a journal can set it."""
    root = ElementTree.fromstring(paper.to_bytes(figure, "svg"))
    return ["".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize(("width", "pixels"), [("one", 968), ("two", 2055)])  # 82 and 174 mm of 25.4 at 300 dpi
def test_a_file_is_as_wide_as_the_column_and_says_where_it_comes_from(width: paper.Width, pixels: int) -> None:
    about = {"run": "fisa 0123", "image": "dog & <cat>.jpg"}
    figure = paper.bars(EKMAN6, {"mine": np.full(6, 1 / 6)}, width)
    drawn = Image.open(io.BytesIO(paper.to_bytes(figure, "png", about)))
    assert drawn.width in (pixels, pixels + 1)
    assert drawn.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert drawn.text["Description"] == "run: fisa 0123; image: dog & <cat>.jpg"
    assert drawn.text["Title"] == figure.get_label() != ""
    vector = paper.to_bytes(figure, "svg", about).decode()
    assert "dog &amp; &lt;cat&gt;.jpg" in vector and "dc:date" not in vector
    assert f'width="{paper.WIDTHS[width] / 25.4 * 72:.2f}'[:12] in vector
    document = paper.to_bytes(figure, "pdf", about)
    assert document.startswith(b"%PDF") and b"(run: fisa 0123; image: dog & <cat>.jpg)" in document
    assert b"CIDFontType2" in document and b"Type3" not in document  # TrueType, embedded
    assert b"CreationDate" not in document


@pytest.mark.parametrize("form", paper.FORMS)
def test_the_same_figure_makes_the_same_bytes_in_any_thread(form: paper.Form) -> None:
    def make(_: int) -> bytes:
        return paper.to_bytes(paper.bars(EKMAN6, {"mine": np.full(6, 1 / 6)}), form)

    before = dict(matplotlib.rcParams)
    with ThreadPoolExecutor(2) as pool:
        made = set(pool.map(make, range(3)))
    assert len(made) == 1
    assert dict(matplotlib.rcParams) == before  # nobody else's figures change


def test_whatever_a_name_holds_can_be_written() -> None:
    name = "<b>x</b> $\\frac{1$ \U0001f600 \u202ea \udcff\x01"
    for form in paper.FORMS:
        figure = paper.bars(EKMAN6, {"truth": np.full(6, 1 / 6), name: np.full(6, 1 / 6)})
        assert paper.to_bytes(figure, form, {"run": name})
    assert any("<b>x</b> $\\frac{1$ \U0001f600" in text and "\ufffd" in text for text in texts(figure))


def test_every_emotion_has_the_shape_and_colour_of_the_screen() -> None:
    assert {symbol for space in SPACES.values() for symbol in space.markers} <= MARKERS.keys()
    for space in SPACES.values():
        assert len({MARKERS[symbol] for symbol in space.markers}) == len(set(space.markers))
    (axes,) = paper.wheel(MIKELS8, BOTH).axes
    shapes = {one.get_gid(): one for one in axes.collections if isinstance(one, PathCollection)}
    for label, colour in zip(MIKELS8.labels, MIKELS8.colours, strict=True):
        assert matplotlib.colors.to_hex(shapes[label].get_facecolor()[0]) == colour


def test_wheel_draws_each_distribution_around_it() -> None:
    figure = paper.wheel(MIKELS8, BOTH)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    for name, row in BOTH.items():
        np.testing.assert_allclose(lines[name].get_ydata(), [*row[WHEEL], row[WHEEL[0]]])
        np.testing.assert_allclose(lines[name].get_xdata()[:8], np.arange(8) * np.pi / 4, atol=1e-12)
    assert lines["truth"].get_linestyle() == "--" != lines["mine"].get_linestyle()
    assert axes.get_theta_direction() == -1 and axes.get_theta_offset() == np.pi / 2  # clockwise from the top
    assert {"truth", "mine", *LABELS} <= set(texts(figure))
    two = EmotionSpace("two", ("a", "b"), (0, 0), (), EKMAN6.colours[:2], EKMAN6.markers[:2])
    with pytest.raises(FigureError, match="at least three emotions"):
        paper.wheel(two, {"mine": np.array([0.5, 0.5])})


def test_bars_hold_the_degrees_and_their_gaps() -> None:
    left, right = paper.bars(MIKELS8, BOTH).axes
    widths = {group.get_label(): [bar.get_width() for bar in group] for group in left.containers}
    np.testing.assert_allclose(widths["truth"], TRUTH[WHEEL])
    np.testing.assert_allclose(widths["mine"], GUESS[WHEEL])
    (gaps,) = right.containers
    np.testing.assert_allclose([bar.get_width() for bar in gaps], (GUESS - TRUTH)[WHEEL])
    assert [bool(bar.get_hatch()) for bar in gaps] == [not gap > 0 for gap in (GUESS - TRUTH)[WHEEL]]
    assert "+10.0" in [note.get_text() for note in right.texts]  # amusement: .2 less .1, in points
    assert [label.get_text().strip() for label in left.get_yticklabels()] == LABELS


def test_matrix_is_centred_and_holds_its_numbers() -> None:
    figure = paper.matrix(CELLS, MIKELS8, "Sum", "contribution")
    (image,) = figure.axes[0].images
    np.testing.assert_array_equal(image.get_array(), CELLS[np.ix_(WHEEL, WHEEL)])
    assert image.get_clim() == (-40, 40)  # the largest size either way, so that zero is the middle
    assert figure.axes[0].texts[0].get_text() == "+14.0"  # fear to fear is cell [6, 6], 8 * 6 + 6 - 40
    effect = paper.matrix(1 + CELLS / 100, MIKELS8, "", "effect")
    assert effect.axes[0].images[0].get_clim() == pytest.approx((0.6, 1.4))  # 1 is indifferent
    weights = paper.matrix(np.full((8, 8), 0.125), MIKELS8, "", "interaction")
    assert weights.axes[0].images[0].get_clim() == (0, 0.125)
    assert paper.matrix(CELLS, MIKELS8, limit=100).axes[0].images[0].get_clim() == (-100, 100)
    with pytest.raises(FigureError, match="expected shape"):
        paper.matrix(CELLS[:7], MIKELS8)


def test_heads_share_a_scale_and_hatch_what_is_below_its_middle() -> None:
    heads = np.zeros((3, 8, 8))
    heads[1, 6, 6], heads[2, 6, 7] = 2.0, -1.0  # fear on fear; sadness on fear
    figure = paper.grid(heads, MIKELS8)
    matrices = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in matrices] == ["head 1", "head 2", "head 3"]
    assert {axes.images[0].get_clim() for axes in matrices} == {(-2, 2)}
    hatched = [[patch.get_xy() for patch in axes.patches if patch.get_gid() == "below"] for axes in matrices]
    assert hatched == [[], [], [(0.5, -0.5)]]  # row fear is the first, column sadness the second of the wheel
    with pytest.raises(FigureError, match="no head"):
        paper.grid(np.zeros((0, 8, 8)), MIKELS8)


def test_contributions_lead_from_the_bias_to_the_logit() -> None:
    values = np.array([0.5, -0.25, 0, 0, 0, 0, 0, 1.0])
    figure = paper.contributions(values, -0.5, 0.75, MIKELS8, 0)  # -.5 + .5 - .25 + 1 = .75
    (axes,) = figure.axes
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [bar.get_width() for bar in bars[:4]] == [-0.5, 1.0, 0.5, -0.25]
    assert [bar.get_x() for bar in bars[:4]] == [0, -0.5, 0.5, 1.0]
    assert bars[-1].get_width() == 0.75
    assert [bool(bar.get_hatch()) for bar in bars[:4]] == [True, False, False, True]
    names = [label.get_text().strip() for label in axes.get_yticklabels()]
    assert names[:4] == ["bias", "sadness", "amusement (itself)", "awe"] and names[-1] == "logit of amusement"


def test_attention_has_one_scale_for_all_emotions() -> None:
    maps = np.zeros((8, 2, 2))
    maps[6, 0, 0], maps[7, 0, 0] = 0.8, 0.2
    figure = paper.attention(PICTURE, maps, MIKELS8, null=np.full(8, 0.2))
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title("left").strip() for axes in panels] == ["image", *(f"{each} (null 20%)" for each in LABELS)]
    fear, sadness, disgust = (np.asarray(axes.images[0].get_array(), float) for axes in panels[1:4])
    assert (disgust[..., 0] == disgust[..., 1]).all()  # no attention leaves the grey picture
    # Roots: .2 is a quarter of .8, so it is covered half as densely.
    assert fear[0, 0].sum() < sadness[0, 0].sum() < disgust[0, 0].sum()
    bar = figure.axes[-1]
    assert bar.get_xlim() == pytest.approx((0, 0.8), abs=1e-6)
    with pytest.raises(FigureError, match="none negative"):
        paper.attention(PICTURE, -maps, MIKELS8)


def test_attribution_is_warm_where_it_raises_and_cold_where_it_lowers() -> None:
    values = np.zeros((64, 64))
    values[:32], values[32:] = 1.0, -2.0
    figure = paper.attribution(PICTURE, values, "occlusion of fear")
    _, drawn, bar = figure.axes
    pixels = np.asarray(drawn.images[0].get_array(), int)
    assert pixels[10, 10, 0] > pixels[10, 10, 2] and pixels[-10, -10, 0] < pixels[-10, -10, 2]
    assert bar.get_xlim() == pytest.approx((-2, 2))
    assert any(len(lines.get_paths()) for lines in drawn.collections)  # lines, for black and white


def test_history_scatter_and_table() -> None:
    runs = {
        "a": pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "validation_kl": [0.5, np.nan]}),
        "b": pd.DataFrame({"epoch": [1, 2], "train_loss": [3.0, 2.0], "validation_kl": [0.7, 0.6]}),
    }
    upper, lower = paper.history(runs).axes
    assert [list(line.get_ydata()) for line in upper.lines] == [[2, 1], [3, 2]]
    assert lower.get_ylabel() == "validation KL" and upper.lines[0].get_linestyle() != upper.lines[1].get_linestyle()
    with pytest.raises(FigureError, match="column train_loss is missing"):
        paper.history({"a": runs["a"].drop(columns="train_loss")})
    (axes,) = paper.scatter(np.array([0.1, 0.5, 0.2]), np.array([0.2, 0.1, 0.2]), ("a", "b")).axes
    assert [one.get_label() for one in axes.collections] == ["a closer: 1", "b closer: 1", "equal: 1"]
    np.testing.assert_allclose(axes.collections[1].get_offsets(), [[0.5, 0.1]])
    assert axes.get_xlim() == axes.get_ylim()
    figure = paper.table(["measure", "a"], [["KL", "0.1 [0.0, 0.2]"]], [[False, True]], "n = 3")
    assert texts(figure) == ["measure", "a", "KL", "0.1 [0.0, 0.2]", "n = 3"]
    assert [text.get_fontweight() for text in figure.axes[0].texts][:4] == ["normal", "normal", "normal", "bold"]
    with pytest.raises(FigureError, match="rows of 2 cells"):
        paper.table(["measure", "a"], [["KL"]])


def test_forest_marks_which_side_of_zero_an_interval_lies_on() -> None:
    figure = paper.forest(
        ["a", "b", "c"], np.array([0.2, -0.1, 0.0]), np.array([0.1, -0.2, -0.1]), np.array([0.3, 0, 0.1]), "KL"
    )
    (axes,) = figure.axes
    points = [group.lines[0] for group in axes.containers]
    assert [line.get_xdata()[0] for line in points] == [0.2, -0.1, 0.0]
    assert [line.get_marker() for line in points] == [">", "o", "o"]  # an interval that ends at 0 holds it
    ends = [group.lines[2][0].get_segments()[0][:, 0] for group in axes.containers]
    np.testing.assert_allclose(ends, [[0.1, 0.3], [-0.2, 0], [-0.1, 0.1]])
    with pytest.raises(FigureError, match="around its difference"):
        paper.forest(["a"], np.array([0.2]), np.array([0.3]), np.array([0.4]), "KL")


def test_long_names_leave_room_for_the_figure() -> None:
    name = "/home/somebody/" + "x" * 200 + "/fisa"
    one = np.array([0.1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns where nothing is left for the axes
        shown = texts(paper.forest([name], one, one, one, "KL"))
        shown += texts(paper.bars(EKMAN6, {"truth": np.full(6, 1 / 6), name: np.full(6, 1 / 6)}))
    assert (
        {text for text in shown if "…" in text}
        == {
            name[:13] + "…" + name[-26:],  # 40 characters
            name[:9] + "…" + name[-18:],  # 28
            name[:9] + "…" + f"{name} − truth"[-18:],
        }
    )
