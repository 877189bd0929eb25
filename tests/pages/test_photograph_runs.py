"""The pages for runs on files: votes without truth, seven labels without a wheel, images found below their folder."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_splits
from fisa.emotions import EKMAN7
from fisa.images import decode, decode_square, to_square
from fisa.runs import load_run
from fisa.ui.cache import photograph

Visit = Callable[..., AppTest]
LABELS = list(EKMAN7.labels)


@pytest.fixture
def shelf_of_photographs(photograph_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the two runs on files, as the studio's artifacts."""
    monkeypatch.setenv("FISA_ARTIFACTS", str(photograph_runs))
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "none"))
    return photograph_runs


def said(app: AppTest) -> str:
    texts = [str(element.value) for kind in (app.title, app.header, app.markdown, app.caption) for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts)).replace("**", "")


@pytest.mark.parametrize("page", ["home", "explain", "compare", "map", "metrics"])
def test_page_opens(page: str, shelf_of_photographs: Path, visit: Visit) -> None:
    app = visit(page)
    assert not app.exception and not app.error and not app.warning
    assert app.sidebar.selectbox[0].options == ["fisa", "cnn"]


def test_explain_measures_against_the_votes(shelf_of_photographs: Path, visit: Visit) -> None:
    run = load_run(shelf_of_photographs / "fisa")
    root = run.config.data.root
    assert root is not None
    manifest = open_splits("emotion6", root)["test"].manifest
    name = manifest["id"][3]
    app = visit("explain", run="fisa", image=name)
    target, predicted = manifest[LABELS].to_numpy(float), run.predictions[LABELS].to_numpy(float)
    errors = (target * np.log(np.where(target > 0, target, 1) / predicted)).sum(1)
    words = said(app)
    assert app.query_params["image"] == name and "The truth is" not in words
    assert f"{errors[3]:.4f} nats, smaller than on {np.mean(errors > errors[3]):.0%}" in words
    assert f"fisa predicts {LABELS[predicted[3].argmax()]} {predicted[3].max():.0%}" in words


def test_pages_explain_the_square_that_predict_makes_of_a_file(photograph_runs: Path) -> None:
    run = load_run(photograph_runs / "fisa")
    noise = np.random.default_rng(0).integers(0, 256, (800, 1000, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "JPEG")
    content = stream.getvalue()
    size = run.config.data.image_size
    seen = photograph("large.jpg", decode(content), content).seen_by(run)
    np.testing.assert_array_equal(seen, decode_square(content, size))
    assert (seen != to_square(decode(content), size)).any()  # which is another one


def test_next_walks_the_files_worst_first(shelf_of_photographs: Path, visit: Visit) -> None:
    run = load_run(shelf_of_photographs / "cnn")
    errors = visit("explain", run="cnn", sort="error")
    first = errors.query_params["image"]
    errors.button(key="next_image").click().run()
    assert not errors.exception
    assert {first, errors.query_params["image"]} <= set(run.predictions["id"])


def test_compare_and_map_show_every_test_image(shelf_of_photographs: Path, visit: Visit) -> None:
    names = set(load_run(shelf_of_photographs / "fisa").predictions["id"])
    app = visit("compare", run="fisa", against="cnn")
    assert not app.exception and set(app.dataframe[0].value.index) <= names | set(LABELS)
    app = visit("map", run="fisa", colour="error")
    assert not app.exception and f"{len(names)} test images" in said(app)
    assert set(app.dataframe[0].value.index) == names


def test_metrics_have_the_constant_but_neither_score_nor_oracles(shelf_of_photographs: Path, visit: Visit) -> None:
    app = visit("metrics")
    table = app.table[0].value
    assert set(map(str, table.columns)) == {"constant", "fisa", "cnn"}
    assert "KL ↓" in [str(name).replace("\u00a0", " ") for name in table.index] and "score ↑" not in table.index


def test_metrics_show_what_is_mistaken_for_what(shelf_of_photographs: Path, visit: Visit) -> None:
    run = load_run(shelf_of_photographs / "cnn")
    app = visit("metrics", run="cnn")
    assert not app.exception and not app.error
    counts = app.dataframe[0].value
    assert list(counts.index) == list(counts.columns) == LABELS  # no wheel: as they stand
    assert counts.to_numpy().sum() == run.metrics["n"] and "n = 12" in said(app)
