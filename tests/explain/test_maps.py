"""Maps: of which vectors, made once, in a process of their own too, and new images placed on them."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.manifold import trustworthiness

from fisa.background import Desk, Work
from fisa.datasets import Dataset
from fisa.evaluation import open_test_split
from fisa.explain import embeddings, maps
from fisa.explain.embeddings import offered_vectors, vectors_of, vectors_of_images
from fisa.explain.maps import (
    Made,
    is_complete,
    look_at_map,
    map_if_kept,
    map_of,
    nearest,
    own_map,
    place_images,
    start_map,
    stored_map,
    usual,
)
from fisa.explain.projection import ProjectionError, ProjectionSettings, project
from fisa.runs import Run, load_run


@pytest.fixture
def run(photograph_runs: Path) -> Run:
    return load_run(photograph_runs / "fisa")


@pytest.fixture
def data(run: Run) -> Dataset:
    return open_test_split(run)


def await_end(run: Run, data: Dataset, made: Made) -> Work:
    for _ in range(1200):
        work = look_at_map(run, data, made)
        if work.state != "running":
            return work
        time.sleep(0.1)
    pytest.fail("the process does not end")


def test_vectors_are_those_that_differ(run: Run, photograph_runs: Path, data: Dataset) -> None:
    assert offered_vectors(run) == ("class_features", "backbone")
    assert offered_vectors(load_run(photograph_runs / "cnn")) == ("fc",)  # which are its backbone's, averaged
    square = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    output = run.output([square[0]])
    np.testing.assert_allclose(
        vectors_of_images(run, square, "class_features")[0], output.features.numpy().ravel(), atol=1e-5
    )
    assert vectors_of_images(run, square, "backbone").shape == (1, run.model.backbone.channels)
    assert vectors_of(run, data, "backbone").shape == (len(data), run.model.backbone.channels)


def test_a_runs_own_map_says_what_it_is_made_of_and_how_far_to_trust_it(run: Run, data: Dataset) -> None:
    found = own_map(run, "unknown")
    assert found is not None and found.made == usual("class_features", len(data)) == Made("class_features", replace(
        ProjectionSettings(), perplexity=(len(data) - 1) // 3
    ))  # fmt: skip
    vectors = vectors_of(run, data, "class_features")
    k = -(-len(data) // 2) - 1  # fewer than half of the others
    expected = trustworthiness(vectors, found.points[["x", "y"]].to_numpy(), n_neighbors=min(k, 10), metric="cosine")
    assert found.trust is not None and found.trust.value == pytest.approx(expected)
    shown = map_if_kept(run, data, found.made)
    assert shown is not None and is_complete(run, data, shown)


def test_a_runs_own_map_is_not_that_of_images_that_changed_under_their_names(
    run: Run, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = usual("class_features", len(data))
    assert map_if_kept(run, data, made) is not None
    monkeypatch.setattr(data, "version", "of other files")
    assert map_if_kept(run, data, made) is None


def test_a_map_of_other_settings_is_made_once(run: Run, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made("backbone", ProjectionSettings(perplexity=3, metric="euclidean", seed=2))
    assert map_if_kept(run, data, made) is None
    told: list[tuple[int, int]] = []
    found = map_of(run, data, made, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] and told == sorted(told)
    np.testing.assert_array_equal(
        found.points[["x", "y"]].to_numpy(),
        project(vectors_of(run, data, "backbone"), made.settings).astype(np.float32),
    )
    monkeypatch.setattr(maps, "project", None)
    monkeypatch.setattr(embeddings, "model_inputs", None)
    again = map_of(run, data, made)
    assert again.trust == found.trust and again.points.equals(found.points)
    assert map_if_kept(run, data, replace(made, vectors="class_features")) is None


def test_a_process_makes_a_map_or_says_why_not(run: Run, data: Dataset) -> None:
    made = Made("class_features", ProjectionSettings(perplexity=2, seed=5))
    assert look_at_map(run, data, made) == Work("none")
    start_map(run, data, made)
    assert look_at_map(run, data, made).state == "running"
    assert await_end(run, data, made) == Work("none")
    shown = map_if_kept(run, data, made)
    assert shown is not None and is_complete(run, data, shown)

    much = replace(made, settings=ProjectionSettings(perplexity=900))
    start_map(run, data, much)
    work = await_end(run, data, much)
    assert work.state == "failed" and f"{len(data)} points allow a perplexity of at most" in work.error
    assert map_if_kept(run, data, much) is None


def test_a_process_that_cannot_start_is_one_sentence(run: Run, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Desk, "start", refuse)
    with pytest.raises(ProjectionError, match=r"the map cannot be started \(No space left on device\)"):
        start_map(run, data, usual("class_features", len(data)))


def test_an_image_of_the_map_is_placed_beside_itself(run: Run, data: Dataset) -> None:
    shown = map_of(run, data, usual("class_features", len(data)))
    squares = embeddings.model_inputs(data, run.config.data.image_size)[:3]
    places = place_images(run, data, shown, squares)
    at = shown.points[["x", "y"]].to_numpy()
    own = np.linalg.norm(places - at[:3], axis=1)
    others = np.linalg.norm(at[:, None] - at[None], axis=-1)[np.triu_indices(len(at), 1)]
    assert places.shape == (3, 2) and (own < np.median(others)).all()


def test_a_file_of_others_with_odd_names_is_taken_as_usual(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    points = run.map
    assert points is not None
    points.attrs = {"perplexity": "many", "metric": ["x"], "trustworthiness": None}
    monkeypatch.setattr(Run, "map", points)
    found = own_map(run, "fc")
    assert found is not None and found.made == Made("fc", ProjectionSettings()) and found.trust is None


def test_what_a_folder_stores_can_be_read_back(run: Run, data: Dataset, tmp_path: Path) -> None:
    made = usual("class_features", len(data))
    stored = stored_map(run, data, made)
    assert Made.of_words(*made.words()) == made
    assert set(stored) == {"id", "x", "y"} and stored.attrs["vectors"] == "class_features"


def test_nearest_leaves_the_row_itself_out() -> None:
    rows = np.array([[0.0, 1.0], [0.0, 3.0], [4.0, 1.0], [0.0, 2.0]])
    places, distances = nearest(rows, 0, 2, "euclidean")  # at 2, 4 and 1
    assert places.tolist() == [3, 1] and distances.tolist() == [1.0, 2.0]
    assert len(nearest(rows, 0, 9, "euclidean")[0]) == 3
    rows = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    places, distances = nearest(rows, 0, 2, "jensenshannon")
    assert places.tolist() == [1, 2]
    np.testing.assert_allclose(distances, [jensenshannon(rows[0], rows[1]), jensenshannon(rows[0], rows[2])])
