"""What ships: small enough to clone, reproducible from its own weights, and as good as the documents say."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from fisa.config import load_config
from fisa.datasets.planted import PlantedDataset
from fisa.datasets.planted.oracles import fit_ladder
from fisa.distances import kl
from fisa.evaluation import open_test_split, per_sample, truth_of
from fisa.explain import explain
from fisa.explain.attribution import METHODS
from fisa.explain.counterfactuals import answers, draw_families
from fisa.explain.embeddings import offered_vectors, vectors_of_images
from fisa.explain.graded import failed_checks, stored_grades
from fisa.explain.localisation import grade_localisation
from fisa.explain.maps import own_map
from fisa.explain.paths import grade_paths
from fisa.explain.recovery import grade_recovery
from fisa.explain.unlearned import untrained
from fisa.images import to_square
from fisa.metrics import paired_bootstrap
from fisa.runs import list_runs, load_run

ROOT = Path(__file__).parents[1]
SHIPPED = list_runs(ROOT / "artifacts")
MEGABYTE = 1_000_000
SHIFT_COLUMNS = [
    ("localisation", "attention"), ("recovery.r", "contributions"), ("recovery.slope", "contributions"),
    ("path.direct", "interaction"), ("path.absent", "interaction"),
]  # fmt: skip
"""Grade and subject of each column of the table of shifts in docs/methods.md."""


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_the_shipped_runs_are_those_with_a_configuration() -> None:
    configs = (ROOT / "configs").glob("*.yaml")
    names = {path.stem for path in configs if "# Not trained yet" not in path.read_text(encoding="utf-8")}
    assert {path.name for path in SHIPPED} == names
    assert {"fisa", "fisa-h0", "fisa-noeb", "fisa-draft", "cnn", "cnn-mlp"} <= names


def test_the_shipped_runs_are_small() -> None:
    assert all(size(path) < 4 * MEGABYTE for path in SHIPPED)
    assert size(ROOT / "artifacts") < 25 * MEGABYTE


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_run_was_made_from_its_configuration_and_predicts_what_it_stores(path: Path) -> None:
    run = load_run(path)
    assert run.config == load_config(ROOT / "configs" / f"{path.name}.yaml")
    data = open_test_split(run)
    # Also guards the data: a drawing that changes without a new VERSION changes these predictions.
    assert run.metrics["data_version"] == data.version
    assert isinstance(data, PlantedDataset)
    chosen = [0, 7, 480, 1255]
    again = run.predict([data[index].image for index in chosen]).distribution
    stored = run.predictions[list(run.space.labels)].to_numpy(float)[chosen]
    np.testing.assert_allclose(again, stored, atol=1e-4)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_map_says_how_far_to_trust_it(path: Path) -> None:
    run = load_run(path)
    found = own_map(run, offered_vectors(run)[0])
    assert found is not None and found.trust is not None and found.trust.value > 0.9


@pytest.mark.parametrize("run", ["fisa", "fisa-pointing-mean"])
def test_the_table_of_shifts_holds_the_stored_grades(run: str) -> None:
    grades = stored_grades(load_run(ROOT / "artifacts" / run))
    methods = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    for split in ("iid", "rendering", "triple", "strength", "palette", *(f"clutter-{level}" for level in range(4))):
        found = {(row.grade, row.subject): row for row in grades[split].rows}
        shown = [found[column] for column in SHIFT_COLUMNS]
        cells = [f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]" for row in shown]
        line = f"| {run} | {split} | {' | '.join(cells)} |"
        assert re.sub(r"\b0\.", ".", line) in methods


def test_readme_has_the_faithfulness_of_every_method_and_says_that_all_pass_the_checks() -> None:
    grades = stored_grades(load_run(ROOT / "artifacts" / "fisa"))["iid"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    for row in grades.rows:
        if row.grade == "faithfulness" and (row.subject in METHODS or row.subject == "same"):
            assert re.sub(r"\b0\.", ".", f" {row.value:.2f} [{row.low:.2f}, {row.high:.2f}]") in readme, row.subject
    assert "all fall to what they say of an untrained network. " in readme
    assert failed_checks(grades.rows) == {}


def test_interaction_weights_of_an_untrained_network_are_alike_as_readme_says() -> None:
    run = load_run(ROOT / "artifacts" / "fisa")
    image = open_test_split(run)[3].image
    blank, own = explain(run, image, untrained(run)).interaction, explain(run, image).interaction
    assert blank is not None and own is not None
    assert abs(blank - 1 / 8).max() < 1e-5 < 1e-3 < abs(own - 1 / 8).mean()


def test_fisa_comes_within_three_percent_of_the_truth_and_passes_the_additive_oracle() -> None:
    run = load_run(ROOT / "artifacts" / "fisa")
    data = open_test_split(run)
    truth = truth_of(data)
    assert truth is not None
    ladder = fit_ladder()
    predicted = run.predictions[list(run.space.labels)].to_numpy(float)
    assert ladder.score(truth, predicted) >= 0.97
    # Better than the best reading of every strength that lets no emotion act on another.
    additive = kl(truth, ladder.predict(data.manifest)["additive"])
    assert paired_bootstrap(kl(truth, predicted), additive).high < 0


def test_the_stored_grades_of_fisa_are_those_that_readme_promises() -> None:
    grades = load_run(ROOT / "artifacts" / "fisa").grades
    assert grades is not None
    assert grades["localisation"]["hit"] >= 0.75
    assert grades["contributions"]["r"] >= 0.95


# "settled" keeps the score, and misses the goal of .05 for emotions that are absent; "mean" keeps both.
@pytest.mark.parametrize(
    ("name", "absent"),
    [
        pytest.param("fisa-pointing", 0.05, marks=pytest.mark.slow),
        pytest.param("fisa-pointing-longer", 0.05, marks=pytest.mark.slow),
        pytest.param("fisa-pointing-settled", 0.06, marks=pytest.mark.slow),
        ("fisa-pointing-mean", 0.05),
    ],
)
def test_fisa_pointing_keeps_what_readme_promises(name: str, absent: float) -> None:
    run = load_run(ROOT / "artifacts" / name)
    assert run.grades is not None
    assert run.grades["localisation"]["low"] >= 0.95
    found = run.grades["contributions"]
    assert found["slope"] >= 0.85 and found["r"] >= 0.98 and found["r_all"] >= 0.95 and found["sign"] == 1
    data = open_test_split(run)
    assert isinstance(data, PlantedDataset)
    families = draw_families(data.scene, 100, run.config.data.image_size)
    paths = grade_paths(run.model, families, list(answers(run, families)))
    assert paths["direct"].value >= 0.9 and paths["absent"].value <= absent
    assert paths["leak"].value <= 0.03 and paths["relay"].value <= 0.1


@pytest.mark.parametrize("name", ["fisa-pointing-settled", "fisa-pointing-mean"])
def test_it_points_without_losing_score(name: str) -> None:
    fisa, pointing = (
        per_sample(run.predictions, open_test_split(run))["kl_truth"].to_numpy(float)
        for run in (load_run(ROOT / "artifacts" / each) for each in ("fisa", name))
    )
    assert paired_bootstrap(pointing, fisa).high < 0.005


def test_fisa_is_ahead_of_its_controls_by_paired_bootstrap_over_scenes() -> None:
    errors = {}
    for name in ("fisa", "cnn", "cnn-mlp", "fisa-h0"):
        run = load_run(ROOT / "artifacts" / name)
        errors[name] = per_sample(run.predictions, open_test_split(run))["kl_truth"].to_numpy(float)
    for other in ("cnn", "cnn-mlp", "fisa-h0"):
        assert paired_bootstrap(errors["fisa"], errors[other]).high < 0


def test_the_stored_localisation_is_that_of_the_weights() -> None:
    run = load_run(ROOT / "artifacts" / "fisa")
    assert run.grades is not None
    again = grade_localisation(run, PlantedDataset("planted", "iid", run.config.data.image_size).scene, 100)
    assert again is not None
    # 100 scenes of the 2000: the interval of the part holds the value of the whole, with room for chance.
    margin = (again["high"] - again["low"]) / 2
    assert abs(again["hit"] - run.grades["localisation"]["hit"]) < margin + 0.03
    assert again["hit"] > again["baselines"]["any_motif"] > again["baselines"]["area"]


def test_the_stored_contributions_are_those_of_the_weights() -> None:
    run = load_run(ROOT / "artifacts" / "fisa")
    assert run.grades is not None
    again = grade_recovery(run, PlantedDataset("planted", "iid", run.config.data.image_size).scene, 100)
    assert again is not None
    # 100 of the 500 graded scenes: the interval of the part holds the value of the whole, with room for chance.
    assert again["low"] - 0.03 < run.grades["contributions"]["r"] < again["high"] + 0.03
    assert again["sign"] > 0.9


def spread(name: str) -> dict[str, np.ndarray]:
    """Squared distances of the directions of 64 test images by both embeddings of a run that has them."""
    run = load_run(ROOT / "artifacts" / name)
    data = open_test_split(run)
    squares = np.stack([to_square(data[index].image, run.config.data.image_size) for index in range(64)])
    vectors = {part: vectors_of_images(run, squares, part) for part in ("sentiment_vector", "fc")}
    unit = {part: found / np.linalg.norm(found, axis=1, keepdims=True) for part, found in vectors.items()}
    return {part: pdist(found, "sqeuclidean") for part, found in unit.items()}


def test_the_sentiment_vector_has_collapsed_as_the_methods_say_and_fc_has_not() -> None:
    apart = spread("sentiment-metric")
    assert apart["sentiment_vector"].max() < 1e-3 and apart["fc"].mean() > 0.1


def test_without_division_by_steps_it_has_not() -> None:
    assert spread("sentiment-metric-unweighted")["sentiment_vector"].mean() > 0.1
