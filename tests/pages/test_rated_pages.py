"""What the pages show of a run that predicts valence and arousal: what applies, and never a failure."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trees
from offering import table_of
from PIL import Image
from streamlit.testing.v1 import AppTest
from tiny import RATED, TINY_CNN

from fisa.config import RunConfig
from fisa.emotions import DIMENSIONS
from fisa.explain.grading import complete
from fisa.runs import load_run
from fisa.training import train
from fisa.ui.export import Offer, Sheet

Visit = Callable[..., AppTest]


def words(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error)
    texts = [str(element.value) for kind in kinds for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts))


def picture() -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def rated_runs(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """A folder with two runs of one epoch on OASIS-like data: ``first`` (mapped) and ``second``."""
    folder, data = tmp_path_factory.mktemp("rated"), tmp_path_factory.mktemp("oasis")
    trees.oasis(data, [f"Theme{chr(65 + number)}" for number in range(20)])
    for seed, name in enumerate(("first", "second")):
        sections = {
            "data": {"name": "oasis", "root": str(data), "image_size": 16},
            "training": {"epochs": 1, "batch_size": 16, "seed": seed},
        }
        config = RunConfig.model_validate({"name": name, "model": TINY_CNN, **sections, **RATED})
        run = train(config, folder / name)
        if name == "first":
            complete(run)
    return folder


@pytest.fixture
def studio(rated_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FISA_ARTIFACTS", str(rated_runs))
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "none"))
    return rated_runs


@pytest.mark.parametrize("page", ["home", "explain", "compare", "map", "metrics", "images"])
def test_a_page_opens_without_a_failure(page: str, studio: Path, visit: Visit) -> None:
    app = visit(page, run="first")
    assert not app.exception and not app.error and not app.warning


def test_explain_says_what_is_predicted_and_what_was_rated(studio: Path, visit: Visit) -> None:
    predictions = load_run(studio / "first").predictions
    app = visit("explain", run="first", image=predictions["id"][2], sort="error")
    row = predictions.iloc[2]
    assert f"predicts valence {row['valence']:+.2f} and arousal {row['arousal']:+.2f}" in words(app)
    assert "It was rated valence" in words(app)
    # "Sorted by" has no entropy, which only a distribution has.
    (sort,) = (box for box in app.selectbox if box.label == "Sorted by")
    assert sort.options == ["Number", "Error ↓", "Valence ↓", "Arousal ↓"]


def test_an_image_and_a_photograph_can_be_taken_away(studio: Path, visit: Visit, offers: list[Offer]) -> None:
    run = load_run(studio / "first")
    row = run.predictions.iloc[2]
    assert not visit("explain", run="first", image=row["id"]).exception
    (offer,) = offers
    told = json.loads(offer.others["json"]())
    assert told["image"] == row["id"] and [told[name] for name in DIMENSIONS] == pytest.approx(
        list(row[list(DIMENSIONS)]), abs=1e-4
    )
    assert len(told["rated"]) == 2 and f"explain {run.path} oasis:test:2" in offer.about["command"]
    assert "<html" in str(offer.others["html"]())
    app = visit("images", run="first")
    app.file_uploader[0].set_value([("dog.png", picture(), "image/png")]).run()
    assert not app.exception and not app.error
    assert offers[-1].name == "first-dog" and offers[-1].about["data"] == "a file, of which nothing is known"


def test_metrics_has_a_table_of_ratings(studio: Path, visit: Visit) -> None:
    run = load_run(studio / "first")
    app = visit("metrics")
    assert "valence and arousal" in app.header[0].value
    cells = app.table[0].value
    assert cells.columns[-1] == "constant" and set(cells.columns[:-1]) == {"first", "second"}
    cell = str(cells.loc["RMSE valence ↓".replace(" ", "\u00a0"), "first"]).replace("\\", "")
    assert cell.startswith(f"{run.metrics['measures']['rmse_valence']:.3f} [")


def test_compare_gives_measures_of_two_and_one_line_where_tasks_differ(
    studio: Path,
    tiny_runs: Path,
    visit: Visit,
    offers: list[Offer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = visit("compare", run="first", against="second")
    assert not app.exception and any("CCC mean ↑".replace(" ", "\u00a0") in table.value.index for table in app.table)
    found = table_of(offers[-1], "measures").set_index(["measure", "run"])
    one, other, gap = found.loc[("ccc_mean", "first")], found.loc[("ccc_mean", "second")], "minus"
    assert one["value"].item() == pytest.approx(load_run(studio / "first").metrics["measures"]["ccc_mean"])
    means, differences = other[other[gap].isna()], other[other[gap] == "first"]
    assert differences["value"].item() == pytest.approx(means["value"].item() - one["value"].item())
    best = "first" if one["value"].item() > means["value"].item() else "second"
    sheet = offers[-1].tables["measures"]()
    assert isinstance(sheet, Sheet) and list(sheet.best.columns[sheet.best.loc["CCC mean ↑"]]) == [best]
    mixed = tmp_path / "mixed"
    shutil.copytree(studio / "first", mixed / "first")
    shutil.copytree(tiny_runs / "cnn", mixed / "cnn")
    monkeypatch.setenv("FISA_ARTIFACTS", str(mixed))
    app = visit("compare", run="cnn", against="first")
    assert not app.exception and not app.error
    assert "first predicts valence and arousal, and cnn does not: no measure compares them" in words(app)


def test_the_map_is_coloured_by_ratings(studio: Path, visit: Visit) -> None:
    app = visit("map", run="first", colour="arousal")
    assert not app.exception and not app.warning and "Every dot is a test image" in words(app)


def test_a_photograph_gets_its_ratings(studio: Path, visit: Visit) -> None:
    app = visit("images", run="first")
    app.file_uploader[0].set_value([("dog.png", picture(), "image/png")]).run()
    assert not app.exception and not app.error
    found = load_run(studio / "first").predict([np.asarray(Image.open(io.BytesIO(picture())))]).ratings
    assert found is not None and list(app.dataframe[0].value.columns) == list(DIMENSIONS)
    np.testing.assert_allclose(app.dataframe[0].value.to_numpy()[0], found[0], atol=1e-5)
