"""The Map page: what is there is shown at once, all else at a click; a selection, its measures, its slice."""

import io
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import jensenshannon
from streamlit.testing.v1 import AppTest

from fisa import slices
from fisa.datasets import open_dataset
from fisa.distances import kl
from fisa.emotions import MIKELS8
from fisa.evaluation import open_test_split, truth_of
from fisa.explain.embeddings import vectors_of
from fisa.explain.maps import Made, is_complete, look_at_map, map_if_kept, start_map, usual
from fisa.explain.projection import ProjectionSettings
from fisa.metrics import bootstrap_mean
from fisa.runs import Run, load_run
from fisa.runs.files import digest_of
from fisa.runs.format import read_digests, write_digests

Visit = Callable[..., AppTest]
LABELS = list(MIKELS8.labels)


def words(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error)
    return re.sub(r"\\(?=\W)", "", "\n".join(str(element.value) for kind in kinds for element in kind))


def finish(run: Run, made: Made) -> None:
    data = open_test_split(run)
    start_map(run, data, made)
    for _ in range(1200):
        if look_at_map(run, data, made).state != "running":
            return
        time.sleep(0.1)
    pytest.fail("the process does not end")


def chart(app: AppTest) -> dict[str, object]:
    import json

    (found,) = (each for each in app.get("plotly_chart") if "Map of" in each.proto.alt)
    return {"alt": found.proto.alt, **json.loads(found.proto.spec)}


def test_a_runs_own_map_is_shown_at_once_with_what_it_is_made_of(full: Path, visit: Visit) -> None:
    app = visit("map", run="fisa", image="iid-00004")
    assert not app.exception and not app.error and not app.warning
    said = words(app)
    shown = map_if_kept(load_run(full / "fisa"), open_dataset("planted-tiny"), usual("class_features", 60))
    assert shown is not None and shown.trust is not None
    assert "t-SNE of 60 test images by “Class features, side by side”: perplexity 19, cosine distance, seed 0" in said
    assert f"Trustworthiness {shown.trust.value:.3f}: 1 where the 10 nearest" in said
    assert "vectors" not in app.query_params and app.query_params["image"] == "iid-00004"


def test_neighbours_by_features_and_by_distributions_are_the_librarys(full: Path, visit: Visit) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    app = visit("map", run="fisa", image="iid-00004")
    said = words(app)
    rows = vectors_of(run, data, "class_features").astype(float)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    seen = 1 - unit @ unit[4]
    predicted = run.predictions[LABELS].to_numpy(float)
    says = np.array([jensenshannon(predicted[4], row) for row in predicted])
    names = [link.label.replace("\\", "") for link in app.main.get("page_link")]
    ids = data.manifest["id"].to_numpy()
    nearest = [list(ids[[i for i in np.argsort(apart, kind="stable") if i != 4][:8]]) for apart in (seen, says)]
    assert names[-16:] == [*nearest[0], *nearest[1]]
    assert f"{len(set(nearest[0]) & set(nearest[1]))} of the 8 nearest are the same" in said
    assert f"{sorted(says)[1]:.3f}" in said


def test_a_map_of_other_vectors_is_made_at_a_click_and_then_there(
    full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    made = Made("backbone", ProjectionSettings(perplexity=7, seed=3))
    asked = {"vectors": "backbone", "perplexity": "7", "seed": "3"}
    app = visit("map", run="fisa", **asked)
    assert not app.exception and not app.get("plotly_chart")
    begun: list[Made] = []
    monkeypatch.setattr("fisa.ui.map_choice.start_map", lambda _run, _data, wanted: begun.append(wanted))
    app.button(key="map_run").click().run()
    assert begun == [made] and not app.exception
    finish(run, made)
    shown = map_if_kept(run, data, made)
    assert shown is not None and is_complete(run, data, shown)
    app = visit("map", run="fisa", **asked)
    assert not app.exception and app.get("plotly_chart") and {**asked}.items() <= dict(app.query_params).items()
    assert "by “Backbone, averaged over places”: perplexity 7, cosine distance, seed 3" in words(app)


def test_while_it_is_made_a_visitor_sees_how_far_it_is(
    full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fisa.background import Work

    monkeypatch.setattr("fisa.ui.map_choice.look_at_map", lambda *_: Work("running", 30, 810))
    app = visit("map", run="fisa", seed="77")
    assert not app.exception and app.button(key="map_stop") and not app.get("plotly_chart")


def test_a_refusal_says_what_would_work(full: Path, visit: Visit) -> None:
    run = load_run(full / "fisa")
    app = visit("map", run="fisa", perplexity="900")
    assert "perplexity" not in app.query_params  # the largest one is the usual one here
    assert "is not between 1 and 19" in words(app)
    made = Made("class_features", ProjectionSettings(perplexity=19, seed=8))
    folder_error = "only 3 points differ"
    from fisa.background import Work

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fisa.ui.map_choice.look_at_map", lambda *_: Work("failed", error=folder_error))
        app = visit("map", run="fisa", seed="8")
    assert not app.exception and [error.value for error in app.error] == [folder_error]
    assert look_at_map(run, open_test_split(run), made).state == "none"


def test_dots_are_coloured_by_what_is_chosen_and_by_the_difference_of_two_runs(full: Path, visit: Visit) -> None:
    data = open_dataset("planted-tiny")
    truth = truth_of(data)
    assert truth is not None
    errors = {name: kl(truth, load_run(full / name).predictions[LABELS].to_numpy(float)) for name in ("fisa", "cnn")}
    app = visit("map", run="fisa", colour="difference", against="cnn")
    assert not app.exception and not app.error
    title = "error of fisa less that of cnn"
    table = app.dataframe[0].value
    np.testing.assert_allclose(table[title], errors["fisa"] - errors["cnn"])
    assert f"coloured by {title}" in str(chart(app)["alt"])
    assert app.query_params["against"] == "cnn"
    app = visit("map", run="fisa", colour="difference")  # without a run to compare with: the first other one
    assert not app.exception and not app.error and app.selectbox(key="choose_against").value == "cnn"
    for colour in ("error", "entropy", "emotion"):
        app = visit("map", run="fisa", colour=colour)
        assert not app.exception and not app.error and len(app.dataframe[0].value) == 60


def test_one_run_alone_has_no_difference(shelf: Path, tiny_runs: Path, visit: Visit) -> None:
    shutil.copytree(tiny_runs / "fisa", shelf / "fisa")
    app = visit("map", run="fisa", colour="difference")
    assert not app.exception and not app.error
    assert "needs two runs" in words(app) and "coloured by error" in str(chart(app)["alt"])


def test_a_selection_has_measures_pictures_and_becomes_a_slice(
    full: Path, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FISA_STUDIO_HOME", str(tmp_path))
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    truth = truth_of(data)
    assert truth is not None
    errors = kl(truth, run.predictions[LABELS].to_numpy(float))
    places = [1, 5, 9, 30]
    ids = [str(each) for each in data.manifest["id"].to_numpy()[places]]
    app = visit("map", run="fisa")
    app.session_state["map_picked"] = ((run.digest, data.version), ids)
    app.run()
    assert not app.exception and "Selection: 4 of 60 images" in words(app)
    cells = app.table[0].value
    part, whole = bootstrap_mean(errors[places]), bootstrap_mean(errors)
    for column, found in (("selected", part), ("all", whole)):
        text = re.sub(r"\\(?=\W)", "", str(cells[column].iloc[1])).replace("\u00a0", " ")
        assert text == f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"
    worst = ids[int(np.argmax(errors[places]))]
    links = [link.label.replace("\\", "") for link in app.get("page_link")]
    assert set(ids) <= set(links) and links.index(worst) == min(links.index(each) for each in ids)

    app.text_input(key="map_slice_name").set_value("odd <b>ones</b>").run()
    app.button(key="map_slice_save").click().run()
    assert not app.exception and not app.error
    stored, problems = slices.list_slices(data.name, data.split)
    assert not problems and [(one.name, set(one.ids)) for one in stored] == [("odd <b>ones</b>", set(ids))]
    assert "slice odd <b>ones</b>: 4 of 60 images" in words(app)
    again = visit("map", run="fisa", slice=app.query_params["slice"])
    assert not again.exception and "odd <b>ones</b>: 4 of 60 images" in words(again)
    assert "4 are selected" in str(chart(again)["alt"])
    again.button(key="map_clear").click().run()
    assert not again.exception and "4 of 60" not in words(again) and "slice" not in again.query_params


def test_the_filter_of_the_view_is_a_selection_too(full: Path, visit: Visit) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    truth = truth_of(data)
    assert truth is not None
    awe = int((truth.argmax(1) == LABELS.index("awe")).sum())
    app = visit("map", run=run.name, filter="dominant=awe")
    assert not app.exception and not app.error and not app.warning
    assert f"true emotion awe: {awe} of 60 images" in words(app) and f"{awe} are selected" in str(chart(app)["alt"])
    assert app.query_params["filter"] == "dominant=awe"


def test_a_filter_that_nothing_passes_is_said(full: Path, visit: Visit) -> None:
    app = visit("map", run="fisa", filter="error>99")
    assert not app.exception and "**0** of 60" in words(app)


def test_a_slice_without_a_name_is_refused_in_one_sentence(full: Path, visit: Visit) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    app = visit("map", run="fisa")
    app.session_state["map_picked"] = ((run.digest, data.version), ["iid-00001"])
    app.run()
    app.button(key="map_slice_save").click().run()
    assert not app.exception and len(app.error) == 1


def test_photographs_of_the_session_are_placed_and_taken_off(full: Path, visit: Visit) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    app = visit("map", run="fisa")
    assert "Photographs from the page" in words(app)
    app.session_state["photographs_kept"] = {"my <dog>.png": file.getvalue(), "torn.png": file.getvalue()[:99]}
    app.run()
    assert not app.exception and not app.error
    assert "Placed: my <dog>.png." in words(app) and "Placed on it: my <dog>.png." in str(chart(app)["alt"])
    app.button(key="map_forget").click().run()
    assert not app.exception and "Placed on it" not in str(chart(app)["alt"])


def test_what_is_uploaded_is_remembered_for_the_map(full: Path, visit: Visit) -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(file, "PNG")
    app = visit("images", run="fisa")
    app.file_uploader[0].set_value([("dog.png", file.getvalue(), "image/png")]).run()
    assert not app.exception and app.session_state["photographs_kept"] == {"dog.png": file.getvalue()}


def test_a_map_made_before_its_vectors_were_kept_is_shown_and_offers_the_rest(
    shelf: Path, tiny_runs: Path, visit: Visit, own_cache: Path
) -> None:
    shutil.copytree(tiny_runs / "fisa", shelf / "fisa")
    folder = shelf / "fisa"
    points = load_run(folder).map
    assert points is not None
    points.attrs = {"perplexity": 19.0, "metric": "cosine", "seed": 0}  # as the shipped ones are
    (folder / "map.parquet").write_bytes(points.to_parquet(index=False))
    write_digests(folder, read_digests(folder) | {"map.parquet": digest_of((folder / "map.parquet").read_bytes())})
    app = visit("map", run="fisa")
    assert not app.exception and not app.error
    assert chart(app) and not re.search(r"Trustworthiness \d\.\d{3}", words(app))
    assert app.button(key="map_run").label == "Look at all 60 images"


def test_explain_leads_to_the_map_and_the_map_to_explain(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image="iid-00006")
    assert "On the map" in [link.label for link in app.get("page_link")]
    app = visit("map", run="fisa", image="iid-00006")
    assert any("iid" in link.label and "00006" in link.label for link in app.get("page_link"))


def test_without_a_run_the_page_says_how_to_get_one(shelf: Path, visit: Visit) -> None:
    app = visit("map")
    assert not app.exception and "No trained run was found" in words(app)
