"""Submissions: references reach what they must by construction, and what is wrong is said in one sentence."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.datasets.planted import PlantedDataset
from fisa.explain.counterfactuals import Family
from fisa.explain.graded import GradeRow
from fisa.explain.references import REFERENCES, write_references
from fisa.explain.submission import (
    FORMAT,
    HEAD,
    Head,
    SubmissionError,
    is_submission,
    read_submission,
    write_submission,
)
from fisa.explain.submission_grades import draw_masks, grade_submission

DATA = PlantedDataset("planted-tiny", "iid")
COUNT = 24
Rows = dict[tuple[str, str], GradeRow]


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("references")
    assert [path.name for path in write_references(folder, DATA, COUNT)] == list(REFERENCES)
    return folder


@pytest.fixture(scope="module")
def graded(references: Path) -> dict[str, Rows]:
    found = {name: grade_submission(read_submission(references / name), families()) for name in REFERENCES}
    return {name: {(row.grade, row.subject): row for row in grades.rows} for name, grades in found.items()}


def test_own_masks_are_localised_perfectly(graded: dict[str, Rows]) -> None:
    rows = graded["oracle"]
    assert rows["localisation", "oracle"].value == 1
    assert rows["localisation", "other_emotion"].value == 0
    # All of the mass lies in the mask: the lift is the mean of one over its area, above one over the mean area.
    assert rows["localisation.lift", "oracle"].value > 1 / rows["localisation", "area"].value


def test_noise_hits_as_often_as_motifs_are_large(graded: dict[str, Rows]) -> None:
    row, area = graded["random"]["localisation", "random"], graded["random"]["localisation", "area"].value
    assert abs(row.value - area) < 4 * np.sqrt(area * (1 - area) / row.n)  # four standard errors of a share
    assert graded["random"]["localisation.lift", "random"].value == pytest.approx(1, abs=0.25)


def test_all_motifs_alike_hit_as_a_random_point_on_any_motif(graded: dict[str, Rows]) -> None:
    # Ties are averaged, and all maximal pixels are those of motifs.
    rows = graded["union"]
    assert rows["localisation", "union"].value == pytest.approx(rows["localisation", "any_motif"].value, abs=1e-6)


def test_planted_effects_are_recovered_perfectly_by_who_knows_them(graded: dict[str, Rows]) -> None:
    for subject in ("oracle", "logits", "true logits"):
        for key in ("r", "slope", "r_all", "sign", "auroc"):
            assert graded["oracle"][f"recovery.{key}", subject].value == pytest.approx(1)
    assert abs(graded["random"]["recovery.r", "random"].value) < 0.6


def test_changes_spread_over_their_motifs_are_valid_and_faithful_to_true_logits(graded: dict[str, Rows]) -> None:
    rows = graded["planted"]
    assert rows["validity", "planted"].value == pytest.approx(1)
    assert rows["faithfulness", "planted"].value == pytest.approx(1)
    assert rows["faithfulness", "own change"].value == pytest.approx(1)
    # Own masks are the wrong truth there: they say nothing of what one emotion does to another.
    assert graded["oracle"]["validity", "oracle"].value < 0.99


def test_what_was_not_handed_in_is_named_and_not_graded(references: Path, graded: dict[str, Rows]) -> None:
    assert not any(grade.startswith(("recovery", "faithfulness")) for grade, _ in graded["union"])
    assert ("validity", "union") in graded["union"]
    notes = grade_submission(read_submission(references / "union"), families()).notes
    assert [note.split(":")[0] for note in notes] == [
        "Not graded, as effects was not handed in",
        "Not graded, as logits was not handed in",
        "Not graded, as these need the model itself",
    ]


def test_effects_are_taken_in_the_absent_gauge(tmp_path: Path) -> None:
    # A constant added to a whole source column is what softmax cannot see.
    effects = np.stack([REFERENCES["oracle"](DATA.scene(i), *blank())["effects"] for i in range(COUNT)])
    rows = submitted(tmp_path, effects=effects + 5 * np.arange(8)[None, None, :])
    assert rows["recovery.slope", "mine"].value == pytest.approx(1)
    assert rows["recovery.r_all", "mine"].value == pytest.approx(1)


def test_files_may_hold_scenes_in_any_order(tmp_path: Path, references: Path) -> None:
    whole = np.load(references / "oracle" / "arrays.npz")
    places = np.random.default_rng(0).permutation(COUNT)
    for number, part in enumerate(np.array_split(places, 3)):
        np.savez(tmp_path / f"{number}.npz", **{key: whole[key][part] for key in whole.files})
    (tmp_path / HEAD).write_text((references / "oracle" / HEAD).read_text())
    found, first = read_submission(tmp_path), read_submission(references / "oracle")
    for key in ("attribution", "effects", "logits", "logits_without"):
        np.testing.assert_array_equal(getattr(found, key), getattr(first, key))


def test_a_map_of_few_places_is_spread_as_attention_is(tmp_path: Path) -> None:
    flat = np.ones((COUNT, 8, 1, 1))
    rows = submitted(tmp_path, attribution=flat)
    # Every pixel is maximal: a hit is the share of the motif, and the mass lies where the area does.
    assert rows["localisation", "mine"].value == pytest.approx(rows["localisation", "area"].value)
    assert rows["localisation.lift", "mine"].value == pytest.approx(1, abs=1e-4)


def test_a_map_of_nothing_hits_as_area_does(tmp_path: Path) -> None:
    rows = submitted(tmp_path, attribution=np.zeros((COUNT, 8, 4, 4)))
    assert rows["localisation", "mine"].value == pytest.approx(rows["localisation", "area"].value)
    assert rows["localisation.lift", "mine"].value == 0


def test_logits_of_what_is_absent_are_not_read(tmp_path: Path) -> None:
    scenes = [DATA.scene(index) for index in range(COUNT)]
    known = [REFERENCES["oracle"](scene, *blank()) for scene in scenes]
    without = np.stack([each["logits_without"] for each in known])
    without[np.stack([scene.strengths for scene in scenes]) == 0] = np.nan
    rows = submitted(tmp_path, logits=np.stack([each["logits"] for each in known]), logits_without=without)
    assert rows["recovery.r", "logits"].value == pytest.approx(1)
    assert ("recovery.r", "mine") not in rows


@cache
def families() -> list[Family]:
    return draw_masks(DATA, COUNT)


def blank() -> tuple[Any, Any, Any]:
    return np.zeros((64, 64, 3)), np.zeros((64, 64), np.int16), np.random.default_rng(0)


def head(**changes: Any) -> Head:
    named = {"format": FORMAT, "method": "mine", "data": DATA.name, "split": "iid", "version": DATA.version}
    return Head(**{**named, "count": COUNT, **changes})


def submitted(folder: Path, **arrays: np.ndarray) -> Rows:
    write_submission(folder / "mine", head(), arrays)
    return {
        (row.grade, row.subject): row for row in grade_submission(read_submission(folder / "mine"), families()).rows
    }


def names(count: int = COUNT) -> np.ndarray:
    return np.array([f"iid-{index:05d}" for index in range(count)])


def with_nan(shape: tuple[int, ...]) -> np.ndarray:
    values = np.zeros(shape)
    values[3, 0] = np.nan
    return values


MAPS = (COUNT, 8, 4, 4)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"id": names(), "attribution": np.zeros((COUNT, 7, 4, 4))}, r"has shape \[24, 7, 4, 4\]; expected \[24, 8, h"),
        ({"id": names(), "attribution": np.zeros((COUNT, 8, 4))}, r"shape \[24, 8, 4\]; expected \[24, 8, h, w\]"),
        ({"id": names(), "attribution": np.zeros((COUNT, 8, 65, 4))}, r"has \[65, 4\] places; at most 64 a side"),
        ({"id": names(), "effects": np.zeros((COUNT, 8, 9))}, r"effects has shape .*; expected \[24, 8, 8\]"),
        ({"id": names(), "attribution": with_nan(MAPS)}, "attribution of scene iid-00003 is not finite"),
        ({"id": names(), "effects": with_nan((COUNT, 8, 8))}, "effects of scene iid-00003 is not finite"),
        (
            {"id": names(23), "attribution": np.zeros((23, 8, 4, 4))},
            "1 of 24 scenes are missing, .* is iid-00023",
        ),
        ({"id": names()[[0, *range(23)]], "attribution": np.zeros(MAPS)}, "scene iid-00000 stands there twice"),
        ({"id": names(25)[1:], "attribution": np.zeros(MAPS)}, "'iid-00024' is none of iid-00000 to iid-00023"),
        ({"id": names(), "logits": np.zeros((COUNT, 8))}, "logits and logits_without go together"),
        ({"id": names(), "saliency": np.zeros(MAPS)}, "holds 'saliency'; there are id, attribution"),
        ({"attribution": np.zeros(MAPS)}, "needs an array id"),
        ({"id": names()}, "hands in nothing to grade; add attribution"),
        ({"id": names(), "attribution": np.full(MAPS, "x")}, "attribution holds <U1, no real numbers"),
        ({"id": names(), "attribution": np.full(MAPS, None)}, "cannot be read as .npz .*allow_pickle=False"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path: Path, arrays: dict[str, Any], complaint: str) -> None:
    (tmp_path / HEAD).write_text(head().model_dump_json())
    np.savez(tmp_path / "arrays.npz", **arrays)
    with pytest.raises(SubmissionError, match=complaint) as refusal:
        read_submission(tmp_path)
    assert "\n" not in str(refusal.value) and str(tmp_path) in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"version": "0123456789ab"}, "is of version 0123456789ab of planted-tiny iid, and this program draws"),
        ({"split": "dev"}, "planted data has no split 'dev'"),
        ({"split": "test"}, "calls the split test; its name is iid"),
        ({"data": "oasis"}, "unknown planted preset 'oasis'"),
        ({"count": 61}, "count is 61, but planted-tiny iid has 60 scenes"),
        ({"format": 2}, "has format 2; this program reads format 1"),
        ({"method": ""}, "method is not right"),
        ({"speed": 3}, "speed is not right"),
    ],
)
def test_a_wrong_head_is_refused(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    (tmp_path / HEAD).write_text(json.dumps({**head().model_dump(), **changes}))
    np.savez(tmp_path / "arrays.npz", id=names(), attribution=np.zeros(MAPS))
    with pytest.raises(SubmissionError, match=complaint):
        read_submission(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / HEAD).write_text("{"), r"submission\.json: cannot be read as JSON"),
        (lambda folder: (folder / "arrays.npz").unlink(), r"holds no \.npz file; put id and attribution"),
        (lambda folder: (folder / "arrays.npz").write_bytes(b"PK junk"), r"arrays\.npz: cannot be read as \.npz"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, spoil: Callable[[Path], object], complaint: str) -> None:
    write_submission(tmp_path / "mine", head(), {"attribution": np.zeros(MAPS)})
    spoil(tmp_path / "mine")
    with pytest.raises(SubmissionError, match=complaint):
        read_submission(tmp_path / "mine")


def test_too_much_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_submission(tmp_path / "mine", head(), {"attribution": np.zeros(MAPS)})
    monkeypatch.setattr("fisa.explain.submission.MOST_BYTES", 1000)
    with pytest.raises(SubmissionError, match="unpacks to"):
        read_submission(tmp_path / "mine")


class TestCommand:
    def test_grade_reads_submissions_as_it_reads_runs(self, references: Path) -> None:
        assert is_submission(references / "oracle")
        folders = [str(references / name) for name in ("oracle", "centre")]
        result = CliRunner().invoke(app, ["grade", *folders, "--format", "csv"])
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        assert lines[0] == "submission,split,version,grade,subject,kind,value,low,high,n,scenes"
        perfect = f"oracle,iid,{DATA.version},localisation,oracle,method,1.0,1.0,1.0,"
        assert any(line.startswith(perfect) for line in lines)
        assert {line.split(",")[0] for line in lines[1:]} == {"oracle", "centre"}
        assert "centre: Not graded, as effects was not handed in" in result.stderr

    def test_runs_and_submissions_are_graded_apart(self, references: Path, tiny_runs: Path) -> None:
        result = CliRunner().invoke(app, ["grade", str(references / "oracle"), str(tiny_runs / "cnn")])
        assert result.exit_code == 1 and "cnn: is no submission" in result.stderr

    def test_what_only_a_run_can_is_refused(self, references: Path) -> None:
        result = CliRunner().invoke(app, ["grade", str(references / "oracle"), "--store"])
        assert result.exit_code == 2 and "goes with --format and --out alone" in " ".join(result.stderr.split())

    def test_references_are_written_by_a_command(self, tmp_path: Path) -> None:
        options = ["planted-tiny", str(tmp_path / "refs"), "--count", "2"]
        result = CliRunner().invoke(app, ["data", "references", *options])
        assert result.exit_code == 0
        assert result.stdout.splitlines() == [str(tmp_path / "refs" / name) for name in REFERENCES]
        again = CliRunner().invoke(app, ["data", "references", *options])
        assert again.exit_code == 1 and "already exists" in again.stderr
