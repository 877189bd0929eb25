"""The page Interactions: what it shows of a run's heads is what the library computes."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from fisa.datasets.planted import PlantedDataset
from fisa.distances import entropy
from fisa.evaluation import per_sample
from fisa.explain.heads import (
    SplitMatrices,
    importance,
    linear_cka,
    matrices_of,
    pattern_similarity,
)
from fisa.explain.pairs import kinship, known_of_pairs, learned_effects, present_in
from fisa.figures import matrix_table
from fisa.figures.checks import signed
from fisa.runs import Run, load_run

Visit = Callable[..., AppTest]


def words(app: AppTest) -> str:
    kinds = (app.header, app.markdown, app.caption, app.info, app.warning, app.error)
    texts = [str(element.value) for kind in kinds for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts))


def loaded(folder: Path) -> tuple[Run, PlantedDataset, SplitMatrices]:
    run, data = load_run(folder / "fisa"), PlantedDataset("planted-tiny", "iid", 64)
    return run, data, matrices_of(run, data)


def numbers(app: AppTest, heading: str) -> list[list[str]]:
    """The cells of the table with a column of that heading."""
    (table,) = (table.value for table in app.table if heading in re.sub(r"\\(?=\W)", "", " ".join(table.value.columns)))
    return [[re.sub(r"\\(?=\W)", "", str(cell)) for cell in row] for row in table.to_numpy()]


def test_the_grid_and_its_companions_are_those_of_the_library(full: Path, visit: Visit) -> None:
    app = visit("interactions", run="fisa")
    assert not app.exception and not app.error and not app.warning
    run, data, matrices = loaded(full)
    means = matrices.mean("contribution")
    grid, pushes, pattern, cka, learned, planted = (frame.value for frame in app.dataframe)
    assert grid.loc[2].to_numpy() == pytest.approx(matrix_table(means[1], run.space).to_numpy())
    assert len(pushes) == 8 and pushes["contribution"].abs().is_monotonic_decreasing
    assert pattern.to_numpy() == pytest.approx(pattern_similarity(means, "contribution"))
    assert cka.to_numpy() == pytest.approx(linear_cka(matrices.contribution))
    effects = learned_effects(matrices, present_in(data))
    assert learned.to_numpy() == pytest.approx(matrix_table(np.nan_to_num(effects), run.space).to_numpy())
    known = known_of_pairs(run)
    assert planted.to_numpy() == pytest.approx(matrix_table(known["planted"], run.space).to_numpy())
    silenced = importance(run, data, matrices)
    shown = numbers(app, "change of the score")
    assert shown[2][0].startswith(f"{signed(silenced.heads[2].value, 4)} [") and len(shown) == 5
    assert shown[4][0].startswith(f"{signed(silenced.without.value, 4)} [")
    together = kinship(effects, known["co-occurrence"])
    assert numbers(app, "Pearson")[0] == [f"{together.pearson:.2f}", f"{together.spearman:.2f}", str(together.n)]
    assert f"Mean over {len(data):,} test images" in words(app)


def test_a_link_leads_to_one_head_one_prediction_and_one_pair(full: Path, visit: Visit) -> None:
    run, data, matrices = loaded(full)
    column = int(np.bincount(matrices.predicted).argmax())
    label, rows = run.space.labels[column], matrices.predicted == column
    app = visit("interactions", run="fisa", head="3", matrix="interaction", predicted=label, pair="fear<-awe")
    assert not app.exception and not app.error and not app.warning
    shown = app.dataframe[0].value
    expected = matrices.mean("interaction", rows)[2]
    assert shown.to_numpy() == pytest.approx(matrix_table(expected, run.space).to_numpy())
    assert f"Mean over {rows.sum():,} test images" in words(app) and "awe on fear" in words(app)
    fear, awe = run.space.index("fear"), run.space.index("awe")
    places = matrices.strongest(fear, awe, 8, 2, rows)
    names = data.manifest["id"].iloc[places].tolist()
    assert app.dataframe[1].value["id"].tolist() == names
    links = [link for link in app.get("page_link") if link.label in [name.replace("-", r"\-") for name in names]]
    assert len(links) == len(names)
    app.selectbox(key="choose_pair").set_value("anger<-fear").run()
    assert app.query_params["pair"] == "anger<-fear" and "fear on anger" in words(app)


def test_what_a_link_asks_in_vain_is_said(full: Path, visit: Visit) -> None:
    app = visit(
        "interactions", run="fisa", head="9", predicted="joy", pair="joy<-fear", reference="weather", matrix="effect"
    )
    assert not app.exception and not app.error
    said = words(app)
    for wrong in ("“9”", "“joy”", "“joy<-fear”", "“weather”"):
        assert wrong in said
    # The matrix of effects is one that Explain has: no fault of the link.
    assert "“effect”" not in said and app.query_params["matrix"] == "contribution"


def test_a_run_without_heads_names_those_with(full: Path, visit: Visit) -> None:
    app = visit("interactions", run="cnn")
    assert not app.exception and not app.error
    assert words(app) == "cnn has no interaction heads; fisa has some."


def test_without_runs_it_says_how_to_get_one(shelf: Path, visit: Visit) -> None:
    app = visit("interactions")
    assert not app.exception and not app.error
    assert "No trained run was found" in words(app)


@pytest.mark.parametrize("file", ["model.safetensors", "config.yaml"])
def test_a_broken_run_is_one_sentence(file: str, shelf: Path, tiny_runs: Path, visit: Visit, tmp_path: Path) -> None:
    shutil.copytree(tiny_runs / "fisa", shelf / "fisa")
    (shelf / "fisa" / file).write_bytes(b"\x00 not what it was")
    streamlit.cache_data.clear()
    streamlit.cache_resource.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FISA_CACHE", str(tmp_path / "cache"))
        app = visit("interactions", run="fisa")
    assert not app.exception and len(app.error) == 1
    assert "fisa" in app.error[0].value and "\n" not in app.error[0].value


def test_means_are_of_the_images_that_pass_a_filter_and_an_empty_one_can_be_loosened(full: Path, visit: Visit) -> None:
    run, data, matrices = loaded(full)
    table = per_sample(run.predictions, data)
    entropies = entropy(run.predictions[list(run.space.labels)].to_numpy(float))
    middle = round(float(np.median(entropies)), 4)
    few = int((entropies > middle).sum())
    assert 0 < few < len(table)
    app = visit("interactions", run="fisa", filter=f"entropy>{middle}", head="together")
    assert not app.exception and f"Mean over {few} test images." in words(app)
    assert f"{few}** of {len(table)}" in words(app)
    rows = entropies > middle
    expected = matrix_table(matrices.mean("contribution", rows).sum(0), run.space)
    shown = [frame.value for frame in app.dataframe if frame.value.shape == expected.shape]
    assert any(np.allclose(frame.to_numpy(), expected.to_numpy()) for frame in shown)

    empty = visit("interactions", run="fisa", filter="entropy>9")
    assert not empty.exception and "No image passes all of it" in words(empty) and not empty.get("plotly_chart")
