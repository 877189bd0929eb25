"""The export of Planted Affect: what others read is what we draw, and no torch is needed for it."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fisa.datasets.base import DataError
from fisa.datasets.planted import AFFINITY, PlantedDataset, render
from fisa.datasets.planted.export import export, plan_export
from fisa.datasets.planted.oracles import strengths_of, truth_of
from fisa.datasets.planted.painting import paint
from fisa.datasets.planted.scenery import light_vector
from fisa.emotions import MIKELS8

ROOT = Path(__file__).parents[2]
LABELS = list(MIKELS8.labels)
DATA = PlantedDataset("planted-tiny", "iid", 48)
COUNT = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "planted"
    export(DATA, out, COUNT)
    return out


@pytest.fixture(scope="module")
def manifest(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "manifest.csv", keep_default_na=False)


def pixels(folder: Path, file: str) -> np.ndarray:
    return np.asarray(Image.open(folder / file))


def test_every_scene_stands_beside_each_of_its_counterfactuals(manifest: pd.DataFrame) -> None:
    present = strengths_of(DATA.manifest.iloc[:COUNT]) > 0
    wanted = [
        (f"iid-{index:05d}", label)
        for index in range(COUNT)
        for label in ["", *np.array(LABELS)[present[index]].tolist()]
    ]
    assert list(zip(manifest["scene"], manifest["without"], strict=True)) == wanted
    assert plan_export(DATA, COUNT).pictures == len(manifest) == COUNT + present.sum()


def test_labels_are_those_of_the_data_set_to_the_last_bit(manifest: pd.DataFrame) -> None:
    scenes = manifest[manifest["without"] == ""]
    ours = DATA.manifest.iloc[:COUNT]
    written = scenes[[f"truth_{k}" for k in LABELS]].to_numpy(float)
    np.testing.assert_array_equal(written, [DATA.scene(index).distribution for index in range(COUNT)])
    np.testing.assert_allclose(written, truth_of(ours), rtol=1e-13)  # computed for many scenes at once
    np.testing.assert_array_equal(scenes[[f"strength_{k}" for k in LABELS]].to_numpy(float), strengths_of(ours))
    np.testing.assert_array_equal(scenes[[f"votes_{k}" for k in LABELS]] / 10, ours[LABELS])
    np.testing.assert_array_equal(scenes[["brightness", "saturation"]], ours[["brightness", "saturation"]])


def test_a_counterfactual_has_labels_of_its_own(manifest: pd.DataFrame) -> None:
    for _, row in manifest[manifest["without"] != ""].iterrows():
        other = DATA.scene(int(row["scene"][-5:])).without_emotion(LABELS.index(row["without"]))
        np.testing.assert_array_equal([row[f"logit_{k}"] for k in LABELS], other.logits)
        np.testing.assert_array_equal([row[f"truth_{k}"] for k in LABELS], other.distribution)
        assert row[f"strength_{row['without']}"] == 0 and row["without"] not in row["motifs"].split()
        assert sum(row[f"votes_{k}"] for k in LABELS) == 0  # nobody was asked


def test_pictures_are_the_drawn_ones(folder: Path, manifest: pd.DataFrame) -> None:
    for _, row in manifest.iterrows():
        scene = DATA.scene(int(row["scene"][-5:]))
        shown = scene.without_emotion(LABELS.index(row["without"])) if row["without"] else scene
        np.testing.assert_array_equal(pixels(folder, row["image"]), render(shown, 48).image)


def test_masks_say_who_is_on_top_and_what_is_whole(folder: Path, manifest: pd.DataFrame) -> None:
    for index, row in enumerate(r for _, r in manifest.iterrows() if r["ids"]):
        drawn, scene = render(DATA.scene(index), 48), DATA.scene(index)
        top, whole = pixels(folder, row["ids"]), pixels(folder, row["amodal"])
        assert top.dtype == np.uint8
        np.testing.assert_array_equal(np.where(top > 128, top.astype(int) - 256, top), drawn.ids)
        assert row["motifs"].split() == [LABELS[motif.emotion] for motif in scene.motifs]
        for number, silhouette in enumerate(drawn.amodal):
            np.testing.assert_array_equal((whole >> number) & 1 > 0, silhouette)
            assert not (top == number + 1)[~silhouette].any()  # what is seen of a motif is part of it


def test_a_counterfactual_differs_where_the_motif_and_its_shadow_were_and_nowhere_else(
    folder: Path, manifest: pd.DataFrame
) -> None:
    images = {(row["scene"], row["without"]): pixels(folder, row["image"]) for _, row in manifest.iterrows()}
    for index, row in enumerate(r for _, r in manifest.iterrows() if r["ids"]):
        scene, top = DATA.scene(index), pixels(folder, row["ids"])
        for emotion in {motif.emotion for motif in scene.motifs}:
            moved = (images[row["scene"], ""] != images[row["scene"], LABELS[emotion]]).any(axis=2)
            reach = np.zeros_like(moved)
            for number, motif in enumerate(scene.motifs):
                if motif.emotion == emotion:
                    assert moved[top == number + 1].mean() > 0.9
                    painted = paint(motif, 48, light_vector(scene.palette.light))
                    left, upper, right, lower = painted.box
                    reach[upper:lower, left:right] |= (painted.cover > 0) | (painted.shadow > 0)
            assert not moved[~reach].any()


def test_the_matrix_and_the_equation_are_there(folder: Path, manifest: pd.DataFrame) -> None:
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    affinity = pd.read_csv(folder / "affinity.csv", index_col="receives")
    assert list(affinity.index) == list(affinity.columns) == about["labels"] == LABELS
    np.testing.assert_array_equal(affinity, AFFINITY)
    assert (about["version"], about["split"], about["scenes"]) == (DATA.version, "iid", COUNT)
    s = manifest[[f"strength_{k}" for k in LABELS]].to_numpy(float)
    palette = manifest[["brightness", "saturation"]].to_numpy(float) @ np.array(about["palette"]).T
    logits = about["beta"] * s + palette + s * (s @ np.array(about["affinity"]).T)  # the equation of the datasheet
    np.testing.assert_allclose(manifest[[f"logit_{k}" for k in LABELS]], logits, atol=1e-12)


def test_motifs_have_a_table(folder: Path) -> None:
    motifs = pd.read_csv(folder / "motifs.csv")
    assert len(motifs) == sum(len(DATA.scene(index).motifs) for index in range(COUNT))
    first = DATA.scene(0).motifs[0]
    assert (motifs["kind"][0], motifs["strength"][0]) == (first.kind, pytest.approx(first.strength))
    assert motifs["visible"].between(0.6, 1).all()


def test_the_size_said_before_is_about_right(folder: Path) -> None:
    written = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert 0.6 < plan_export(DATA, COUNT).bytes / written < 1.6


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fisa.datasets.planted.export._masks", fail)
    with pytest.raises(DataError, match=r"out: cannot be written .No space left on device.; nothing was left there"):
        export(DATA, tmp_path / "out", 1)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="planted-tiny has 60 scenes in its iid split, not 61"):
        export(DATA, tmp_path / "out", 61)
    with pytest.raises(DataError, match="at least 32 pixels a side, not 16"):
        export(PlantedDataset("planted-tiny", "iid", 16), tmp_path / "out")
    with pytest.raises(DataError, match="already exists; name another folder"):
        export(DATA, tmp_path, 1)
    monkeypatch.setattr("fisa.datasets.planted.export.BYTES_PER_PIXEL", 1e15)
    with pytest.raises(DataError, match=r"out: needs about .* MB, and .* MB are free"):
        export(DATA, tmp_path / "out", 1)


def test_the_command_works_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from fisa.__main__ import app\n"
        f"app(['data', 'export', 'planted-tiny', {str(tmp_path / 'out')!r}, '--count', '1', '--image-size', '32'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "out")
    assert re.match(r"1 scenes, \d+ pictures of 32 px: about 0\.0 MB", done.stderr)
    with (tmp_path / "out" / "manifest.csv").open() as file:
        assert next(csv.DictReader(file))["id"] == "iid-00000"


def test_the_reader_of_the_datasheet_reads_it(folder: Path) -> None:
    """The 20 lines run as printed, torch and this program out of reach, and find the planted effects."""
    text = (ROOT / "docs" / "planted-affect.md").read_text(encoding="utf-8")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "manifest.csv" in block)
    assert len(code.strip().splitlines()) <= 20
    prelude = "import sys; sys.modules['torch'] = sys.modules['fisa'] = None\n"
    closing = "\nassert len(effects) and abs(effects).max() > 0\nprint(len(scenes))\n"
    named = code.replace('"planted-iid"', repr(str(folder)))
    done = subprocess.run(
        [sys.executable, "-c", prelude + named + closing], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(COUNT)
