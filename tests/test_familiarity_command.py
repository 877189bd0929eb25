"""``familiarity``: how many images of which data a run calls far, with intervals, and what is refused."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calling import fisa, refusal
from PIL import Image

from fisa.datasets import DataError, open_dataset
from fisa.explain.familiarity import familiarity
from fisa.runs import load_run


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six scenes of the small run's data as files, and one that is no image."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    scenes = open_dataset("planted-tiny")
    for number in range(6):
        Image.fromarray(scenes[number].image).save(folder / f"{number}.png")
    (folder / "text.png").write_text("not an image", encoding="utf-8")
    return folder


def test_a_row_for_the_test_split_and_each_other(tiny_runs: Path) -> None:
    asked = ("planted-tiny:palette", "clutter-3", "noise")
    options = [word for what in asked for word in ("--against", what)]
    result = fisa("familiarity", tiny_runs / "fisa", *options, "--images", 12, "--format", "csv")
    assert (result.exit_code, result.stderr) == (0, "")
    table = pd.read_csv(io.StringIO(result.stdout)).set_index("images of")
    assert list(table.index) == ["planted-tiny:iid", "planted-tiny:palette", "planted-tiny:clutter-3", "noise"]
    assert (table["images"] == 12).all()
    run, scenes = load_run(tiny_runs / "fisa"), open_dataset("planted-tiny", split="palette", image_size=64)
    far = sum(found.far for found in familiarity(run, [scenes[index].image for index in range(12)]))
    assert table.loc["planted-tiny:palette", "far"] == far
    # All of 12 are noise: the exact interval begins where 12 of 12 have a chance of 1/40, at the 12th root of that.
    assert table.loc["noise", "far"] == 12
    np.testing.assert_allclose(table.loc["noise", ["share far", "low", "high"]], [1, 0.025 ** (1 / 12), 1])


def test_what_cannot_be_decoded_is_told_and_does_not_count(tiny_runs: Path, photographs: Path) -> None:
    result = fisa("familiarity", tiny_runs / "fisa", "--images", 8, "--against", photographs)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{photographs / 'text.png'}: ")
    header, _, own, theirs = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in result.stdout.splitlines()[:4]
    )
    assert header == ["images of", "images", "far", "share far"]
    assert own[:2] == ["planted-tiny:iid", "8"] and theirs[:2] == [str(photographs).replace("_", r"\_"), "6"]
    assert re.fullmatch(r"\d+\.\d% \[\d+\.\d%, \d+\.\d%\]", theirs[3])
    run = load_run(tiny_runs / "fisa")
    assert f"run fisa {run.digest}; planted-tiny:iid, version {open_dataset('planted-tiny').version}" in result.stdout


def test_skip_leaves_out_what_as_many_images_count(
    tiny_runs: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photographs / "text.png").unlink()
    opened: list[str] = []

    def note(path: Path, size: int) -> np.ndarray:
        opened.append(path.name)
        return np.zeros((size, size, 3), np.uint8)

    monkeypatch.setattr("fisa.decoding.decode_square", note)
    asked = ("familiarity", tiny_runs / "fisa", "--against", photographs)
    for options in (("--images", 4), ("--skip", 4), ("--images", 4)):
        assert fisa(*asked, *options).exit_code == 0
    first, others, again = opened[:4], opened[4:6], opened[6:]
    assert sorted(first + others) == [f"{number}.png" for number in range(6)] and again == first
    assert fisa(*asked, "--images", 4, "--seed", 1).exit_code == 0
    assert opened[10:] != first


def test_refusals(tiny_runs: Path, photographs: Path, tmp_path: Path) -> None:
    asked = ("familiarity", tiny_runs / "fisa", "--against")
    line = refusal(fisa(*asked, "photo"))
    assert line.startswith(
        "--against photo: is no file, no folder and no data set, and planted data has no split 'photo'"
    )
    assert "clutter-3" in line
    assert "--skip 7 leaves none" in refusal(fisa(*asked, photographs, "--skip", 7))
    (tmp_path / "empty").mkdir()
    assert refusal(fisa(*asked, tmp_path / "empty")).startswith(f"{tmp_path / 'empty'}: folder without images")
    assert "oasis lies on disk; name the folder" in refusal(fisa(*asked, "oasis"))
    assert "holds sequences" in refusal(fisa(*asked, "planted-sequences"))
    assert refusal(fisa(*asked, "planted-tiny:palete")).startswith("planted data has no split 'palete'")


def test_a_run_whose_data_are_gone_is_refused(tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise DataError("/photos: no such folder; check the path")

    monkeypatch.setattr("fisa.commands.familiarity.open_data", gone)
    assert refusal(fisa("familiarity", tiny_runs / "fisa")) == "/photos: no such folder; check the path"


def test_the_test_split_of_photographs_is_taken_by_chance(photograph_runs: Path) -> None:
    result = fisa("familiarity", photograph_runs / "cnn", "--format", "csv")
    table = pd.read_csv(io.StringIO(result.stdout)).set_index("images of")
    splits = load_run(photograph_runs / "cnn").splits
    assert splits is not None and table.loc["emotion6:test", "images"] == (splits["split"] == "test").sum()
