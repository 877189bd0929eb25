"""What every page says, without a browser: numbers against the run's own predictions, and plain words for failures."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit
from PIL import Image
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.explain.attribution import attribute
from fisa.explain.targets import Target
from fisa.runs import load_run
from fisa.runs.files import digest_of
from fisa.runs.format import read_digests, write_digests
from fisa.ui import cache

Visit = Callable[..., AppTest]
ROOT = Path(__file__).parents[2]
PAGES = ("home", "gallery", "explain", "compare", "map", "retrieval", "grades", "metrics", "images")
LABELS = list(MIKELS8.labels)


def words(app: AppTest) -> str:
    """Everything that a page says, in the order in which it says it."""
    kinds = (app.title, app.header, app.markdown, app.caption, app.text, app.info, app.warning, app.error)
    texts = [str(element.value) for kind in kinds for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts))


def truth_and_prediction(folder: Path, run: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    predictions = load_run(folder / run).predictions
    manifest = open_dataset("planted-tiny").manifest
    truth = manifest[[f"truth_{label}" for label in LABELS]].to_numpy(float)
    return manifest, truth, predictions[LABELS].to_numpy(float)


def kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (p * np.log(p / q)).sum(1)


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_with_runs(page: str, full: Path, visit: Visit) -> None:
    app = visit(page)
    assert not app.exception and not app.error and not app.warning
    assert app.sidebar.selectbox[0].options == ["fisa", "cnn"]
    assert len(app.title) == 1


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_without_runs(page: str, shelf: Path, visit: Visit) -> None:
    app = visit(page)
    assert not app.exception and not app.error
    assert len(app.info) == 1
    assert "No trained run was found" in app.info[0].value and "python -m fisa train" in app.info[0].value


def test_a_file_in_place_of_the_artifacts_folder_is_no_run(shelf: Path, visit: Visit) -> None:
    shelf.rmdir()
    shelf.write_text("not a folder")
    app = visit("explain")
    assert not app.exception and "No trained run was found" in app.info[0].value


def test_runs_elsewhere_are_listed_beside_the_others(
    shelf: Path, tiny_runs: Path, tmp_path: Path, visit: Visit
) -> None:
    shutil.copytree(tiny_runs / "cnn", shelf / "cnn")
    shutil.copytree(tiny_runs / "fisa", tmp_path / "usb" / "theirs")
    shutil.copytree(tiny_runs / "fisa", tmp_path / "usb" / "cnn")
    app = visit("home")
    app.sidebar.text_input[0].set_value(str(tmp_path / "usb")).run()
    assert not app.exception and not app.error
    # The links of Home: AppTest shows the sidebar of the first run only.
    links = [link.label for link in app.get("page_link") if link.proto.page == "explain"]
    assert links[-3:] == ["cnn", "theirs", "usb/cnn"]


def test_a_folder_elsewhere_without_runs_is_one_sentence(tmp_path: Path) -> None:
    def field() -> None:
        from fisa.ui import shelves

        shelves.choose_elsewhere()

    app = AppTest.from_function(field).run()
    assert not app.warning
    app.text_input[0].set_value(str(tmp_path / "nowhere")).run()
    assert "no such folder" in app.warning[0].value
    app.text_input[0].set_value(str(tmp_path)).run()
    assert "holds no run folders" in app.warning[0].value
    app.text_input[0].set_value("~nobody-of-this-name/runs").run()
    assert not app.exception and "no such folder" in app.warning[0].value


def test_runs_that_cannot_be_opened_are_listed_with_their_reason(shelf: Path, tiny_runs: Path, visit: Visit) -> None:
    for name in ("cnn", "cut", "other"):
        shutil.copytree(tiny_runs / "cnn", shelf / name)
    (shelf / "cut" / "history.csv").unlink()
    (shelf / "other" / "provenance.json").write_text('{"format": 9, "reader": "fisa-studio >= 4"}')
    (shelf / "half" / "training").mkdir(parents=True)
    app = visit("explain", run="cnn")
    assert not app.exception and not app.error
    (listed,) = (part for part in app.sidebar.expander if part.label == "Cannot be opened: 3")
    reasons = [caption.value.replace("\\", "") for caption in listed.caption]
    for reason, part in zip(
        reasons, ("history.csv is missing", "fisa-studio >= 4 reads it", "not finished"), strict=True
    ):
        assert part in reason


def test_names_of_runs_are_shown_letter_for_letter(shelf: Path, tiny_runs: Path, visit: Visit) -> None:
    shutil.copytree(tiny_runs / "cnn", shelf / "cnn_*b*-$x$")
    app = visit("home")
    assert app.sidebar.selectbox[0].options == ["cnn_*b*-$x$"]  # a selectbox shows plain text
    assert r"cnn\_\*b\*\-\$x\$" in [link.label for link in app.get("page_link")]  # a link reads Markdown


def test_home_lists_score_and_localisation_of_every_run(full: Path, visit: Visit) -> None:
    app = visit("home")
    said = words(app)
    for name in ("fisa", "cnn"):
        assert f"{load_run(full / name).metrics['score']:.3f}" in said
    grades = load_run(full / "fisa").grades
    assert grades is not None and f"{grades['localisation']['hit']:.0%}" in said
    assert "no attention" in said  # of cnn


def test_explain_says_prediction_truth_and_error_of_the_image(full: Path, visit: Visit) -> None:
    manifest, truth, predicted = truth_and_prediction(full, "fisa")
    app = visit("explain", run="fisa", image=manifest["id"][7])
    said = words(app)
    top = int(predicted[7].argmax())
    assert f"fisa predicts {LABELS[top]} {predicted[7, top]:.0%}" in said.replace("**", "")
    assert f"The truth is {LABELS[int(truth[7].argmax())]} {truth[7].max():.0%}" in said
    errors = kl(truth, predicted)
    assert f"{errors[7]:.4f} nats, smaller than on {np.mean(errors > errors[7]):.0%}" in said


def test_next_walks_by_number_and_worst_first(full: Path, visit: Visit) -> None:
    manifest, truth, predicted = truth_and_prediction(full, "fisa")
    app = visit("explain", run="fisa")
    assert app.query_params["image"] == manifest["id"][0]
    app.button(key="next_image").click().run()
    assert app.query_params["image"] == manifest["id"][1]
    app = visit("explain", run="fisa", sort="error")
    worst = np.argsort(-kl(truth, predicted))
    assert app.query_params["image"] == manifest["id"][worst[0]]
    app.button(key="next_image").click().run()
    assert app.query_params["image"] == manifest["id"][worst[1]]
    assert app.button(key="previous_image").disabled is False
    app.number_input(key="image_place").set_value(len(manifest)).run()
    assert app.query_params["image"] == manifest["id"][worst[-1]]
    assert app.button(key="next_image").disabled is True


def test_emotion_and_head_are_chosen_and_shared(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa")
    app.button(key="emotion_awe").click().run()
    app.selectbox(key="choose_head").set_value("2").run()
    app.button_group(key="choose_matrix").set_value("contribution").run()
    assert not app.exception
    assert {name: app.query_params[name] for name in ("emotion", "head", "matrix")} == {
        "emotion": "awe",
        "head": "2",
        "matrix": "contribution",
    }
    assert "What makes awe" in words(app)


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("run", "fiza", "fisa"),
        ("image", "iid-90000", "iid-00059"),
        ("image", "<b>'", "iid-00000"),
        ("emotion", "sadnes", "sadness"),
        ("head", "77", "4"),
        ("sort", "errors", "error"),
        ("opacity", "9", "1"),
        ("opacity", "nan", "0.6"),
        ("matrix", "🙂", "effect"),
    ],
)
def test_link_to_what_is_gone_opens_the_nearest_and_says_so(
    name: str, value: str, nearest: str, full: Path, visit: Visit
) -> None:
    app = visit("explain", **{"run": "fisa", name: value})
    assert not app.exception and not app.error
    assert app.query_params[name] == nearest
    assert len(app.warning) == 1 and value in re.sub(r"\\(?=\W)", "", app.warning[0].value)


def test_attribution_shows_its_baseline_and_gap_and_follows_the_link(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", emotion="awe", method="feature_ablation", target="-fear")
    assert not app.exception and not app.error and not app.warning
    image = open_dataset("planted-tiny")[0].image
    found = attribute(load_run(full / "fisa"), image, "feature_ablation", Target.parse("awe-fear", MIKELS8))
    said = words(app)
    assert f"The target is **{found.value:+.3f}**, **{found.delta:+.3f}** from the image blurred" in said
    assert f"a gap of {found.gap:.2g}, {'complete' if found.complete else 'not complete'}" in said
    app.selectbox(key="choose_target").set_value("<-fear").run()
    assert not app.exception and app.query_params["target"] == "<-fear"
    app.button(key="emotion_fear").click().run()  # fear does nothing to itself
    assert not app.exception and not app.warning and app.query_params["target"] != "<-fear"


def test_a_method_that_a_system_lacks_gives_way_quietly(full: Path, visit: Visit) -> None:
    app = visit("explain", run="cnn", method="attention")
    assert not app.exception and not app.warning and app.query_params["method"] != "attention"
    assert "attention" not in app.selectbox(key="choose_method").options


def test_system_without_attention_says_so(full: Path, visit: Visit) -> None:
    said = words(visit("explain", run="cnn"))
    assert "cnn has no attention maps" in said
    assert "cnn has no interaction heads and no contributions" in said


def test_compare_shows_changed_keys_and_paired_differences(full: Path, visit: Visit) -> None:
    _, truth, predicted = truth_and_prediction(full, "fisa")
    other = truth_and_prediction(full, "cnn")[2]
    app = visit("compare", run="fisa", against="cnn")
    gap = (kl(truth, other) - kl(truth, predicted)).mean()
    assert f"{gap:+.4f}" in re.sub(r"\\(?=\W)", "", app.table[-1].value.iloc[0, 0])
    keys = [re.sub(r"\\(?=\W)", "", str(key)) for table in app.table[:2] for key in table.value.index]
    assert "model.name" in keys and "model.heads" in keys
    assert "training.seed" not in keys and "name" not in keys


def test_compare_needs_two_runs(shelf: Path, tiny_runs: Path, visit: Visit) -> None:
    shutil.copytree(tiny_runs / "fisa", shelf / "fisa")
    app = visit("compare")
    assert not app.exception and "needs two runs" in app.info[0].value


def test_metrics_keep_published_numbers_apart_and_mark_the_best(full: Path, visit: Visit) -> None:
    app = visit("metrics")
    planted, published = app.table[0].value, app.table[-1].value
    planted.index = [str(name).replace("\u00a0", " ") for name in planted.index]
    systems = [str(system) for system in planted.columns]
    assert {"fisa", "cnn"} <= set(systems) and sum("oracle" in system for system in systems) == 5
    assert not set(published.index) & set(systems)
    scores = planted.loc["score ↑"]
    values = {name: load_run(full / name).metrics["score"] for name in ("fisa", "cnn")}
    assert scores[max(values, key=values.__getitem__)].startswith("**")
    assert systems[0] == max(values, key=values.__getitem__)  # a narrow screen shows the first columns
    assert not scores[min(values, key=values.__getitem__)].startswith("**")
    assert not any(str(cell).startswith("**") for system in systems if "oracle" in system for cell in planted[system])


def test_runs_on_another_version_of_the_data_have_a_table_of_their_own(
    shelf: Path, tiny_runs: Path, visit: Visit
) -> None:
    for name in ("fisa", "cnn"):
        shutil.copytree(tiny_runs / name, shelf / name)
    file = shelf / "cnn" / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"data_version": "of-before"}))
    write_digests(file.parent, read_digests(file.parent) | {file.name: digest_of(file.read_bytes())})
    streamlit.cache_data.clear()
    app = visit("metrics")
    assert not app.exception
    tables = [set(map(str, table.value.columns)) for table in app.table]
    assert [("fisa" in columns, "cnn" in columns) for columns in tables if columns & {"fisa", "cnn"}] == [
        (True, False),
        (False, True),
    ]
    assert "data version of-before" in words(app)


def test_tables_of_one_split_that_do_not_belong_together_stand_below_each_other(
    full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamlit.cache_data.clear()
    (table,), _ = cache.tables()
    other = table.copy()
    other.attrs = {**table.attrs, "space": "other"}  # as ratings and distributions of the same images
    monkeypatch.setattr(cache, "tables", lambda: ([table, other], []))
    monkeypatch.setattr("fisa.studies.format_table", lambda *_: pytest.fail("made before it was asked for"))
    app = visit("metrics")
    assert not app.exception and not app.error
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX", *["Markdown", "LaTeX", "CSV", "HTML"] * 2]


def test_uploads_are_explained_or_refused_one_by_one(full: Path, visit: Visit) -> None:
    photograph = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(photograph, "PNG")
    app = visit("images", run="fisa")
    uploads = [
        ("*good* <b>.png", photograph.getvalue(), "image/png"),
        ("broken.png", photograph.getvalue()[:200], "image/png"),
        ("empty.jpg", b"", "image/jpeg"),
    ]
    app.file_uploader[0].set_value(uploads).run()
    assert not app.exception and not app.error
    refused = [re.sub(r"\\(?=\W)", "", warning.value) for warning in app.warning]
    assert "lies far from all that fisa was trained on" in refused.pop()  # noise does
    assert len(refused) == 2 and refused[0].startswith("broken.png: ") and refused[1].startswith("empty.jpg: ")
    table = app.dataframe[0].value
    assert table.loc["*good* <b>.png", LABELS].astype(float).sum() == pytest.approx(1)
    said = words(app)
    assert "1 predicted, 2 refused" in said and "There is no ground truth" in said
    assert any(header.value == r"\*good\* \<b\>\.png" for header in app.header)


@pytest.mark.parametrize("page", ["home", "explain", "compare", "map", "retrieval", "metrics"])
@pytest.mark.parametrize("harm", ["weights", "config", "provenance", "predictions"])
def test_broken_run_is_one_sentence(page: str, harm: str, shelf: Path, tiny_runs: Path, visit: Visit) -> None:
    shutil.copytree(tiny_runs / "cnn", shelf / "cnn")
    shutil.copytree(tiny_runs / "fisa", shelf / "fisa")
    file = {
        "weights": "model.safetensors",
        "config": "config.yaml",
        "provenance": "provenance.json",
        "predictions": "predictions.parquet",
    }[harm]
    (shelf / "fisa" / file).write_bytes(b"\x00 not what it was")
    streamlit.cache_data.clear()  # a measured run is remembered by its configuration and weights
    app = visit(page, run="fisa")
    assert not app.exception
    for error in app.error:
        assert "fisa" in error.value and "\n" not in error.value
    if page == "explain":
        assert len(app.error) == 1 and len(app.error[0].value) < 400
