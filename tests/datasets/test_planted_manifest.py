"""The manifest of Planted Affect: its columns, their distributions, and what its version follows."""

import dataclasses
import hashlib
import math
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from fisa.datasets import DATASETS, DataError, open_dataset
from fisa.datasets.planted import PRESETS, VERSION, PlantedDataset, draw_scene
from fisa.datasets.planted.labels import scene_logits, softmax
from fisa.datasets.planted.latents import RESERVED_TRIPLES, draw_latents
from fisa.datasets.planted.oracles import strengths_of, truth_of
from fisa.emotions import MIKELS8

ROOT = Path(__file__).parents[2]
PAIRS = list(combinations(range(8), 2))


@pytest.fixture(scope="module")
def manifest():
    return PlantedDataset("planted", "train").manifest


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(index, "train") for index in range(150)]


class TestManifest:
    def test_columns(self, manifest) -> None:
        labels = list(MIKELS8.labels)
        assert list(manifest.columns) == [
            *("id", "path", "split", "votes"),
            *labels,
            *(f"truth_{label}" for label in labels),
            *(f"strength_{label}" for label in labels),
            *("brightness", "saturation"),
        ]
        assert len(manifest) == 24000
        assert manifest["id"].is_unique
        assert manifest["path"].isna().all()
        assert set(manifest["split"]) == {"train"}
        assert set(manifest["votes"]) == {10}

    def test_degrees_are_votes_over_raters(self, manifest) -> None:
        degrees = manifest[list(MIKELS8.labels)].to_numpy()
        np.testing.assert_allclose(degrees.sum(axis=1), 1.0)
        np.testing.assert_allclose(degrees * 10, np.round(degrees * 10), atol=1e-9)

    def test_truth_follows_from_the_other_columns(self, manifest) -> None:
        logits = scene_logits(strengths_of(manifest), *manifest[["brightness", "saturation"]].to_numpy().T)
        np.testing.assert_allclose(truth_of(manifest), softmax(logits), atol=1e-12)

    def test_votes_are_drawn_from_the_truth(self, manifest) -> None:
        # Pearson's statistic summed over scenes: each has expectation C - 1 = 7 and a variance not far from 2 * 7.
        truth, degrees = truth_of(manifest), manifest[list(MIKELS8.labels)].to_numpy()
        pearson = (10 * (degrees - truth) ** 2 / truth).sum(axis=1)
        assert abs(pearson.mean() - 7) < 5 * pearson.std() / math.sqrt(len(pearson))

    def test_two_emotions_are_always_absent(self, manifest) -> None:
        absent = (strengths_of(manifest) == 0).sum(axis=1)
        assert absent.min() >= 2

    def test_strengths_are_in_range(self, manifest) -> None:
        strengths = strengths_of(manifest)
        shown = strengths[strengths > 0]
        assert shown.min() >= 0.5
        assert shown.max() <= 1.5

    def test_pairs_co_occur_equally_often(self, manifest) -> None:
        present = strengths_of(manifest) > 0
        counts = [int((present[:, i] & present[:, j]).sum()) for i, j in PAIRS]
        assert min(counts) > 600
        assert scipy.stats.chisquare(counts).pvalue > 1e-3

    @pytest.mark.parametrize("split", ["train", "validation", "iid"])
    def test_reserved_triples_never_occur(self, split: str) -> None:
        present = strengths_of(PlantedDataset("planted", split).manifest) > 0
        for triple in RESERVED_TRIPLES:
            assert not present[:, sorted(triple)].all(axis=1).any()

    def test_every_other_triple_occurs(self, manifest) -> None:
        present = strengths_of(manifest) > 0
        for triple in combinations(range(8), 3):
            assert present[:, list(triple)].all(axis=1).any() == (frozenset(triple) not in RESERVED_TRIPLES)

    def test_strength_is_independent_of_palette_and_of_others(self, manifest) -> None:
        strengths = strengths_of(manifest)
        for k in range(8):
            shown = strengths[:, k] > 0
            for other in ("brightness", "saturation"):
                assert abs(np.corrcoef(strengths[shown, k], manifest.loc[shown, other])[0, 1]) < 0.08
        for i, j in PAIRS:
            both = (strengths[:, i] > 0) & (strengths[:, j] > 0)
            assert abs(np.corrcoef(strengths[both, i], strengths[both, j])[0, 1]) < 0.15

    def test_palette_is_standardised(self, manifest) -> None:
        palette = manifest[["brightness", "saturation"]].to_numpy()
        assert np.abs(palette).max() <= 2.0
        np.testing.assert_allclose(palette.mean(axis=0), 0.0, atol=0.05)
        np.testing.assert_allclose(palette.std(axis=0), 1.0, atol=0.08)  # a little below 1 for the clipping

    def test_row_agrees_with_the_drawn_scene(self, manifest) -> None:
        dataset = PlantedDataset("planted", "train")
        for index in (0, 17, 7999):
            scene, row = dataset.scene(index), manifest.iloc[index]
            np.testing.assert_array_equal(scene.strengths, row[[f"strength_{k}" for k in MIKELS8.labels]].astype(float))
            np.testing.assert_allclose(scene.distribution, row[[f"truth_{k}" for k in MIKELS8.labels]].astype(float))
            np.testing.assert_allclose(scene.votes / 10, row[list(MIKELS8.labels)].astype(float))
            assert (scene.brightness, scene.saturation) == (row["brightness"], row["saturation"])

    def test_splits_share_no_scene(self) -> None:
        seen: set[bytes] = set()
        for split in ("train", "validation", "iid"):
            strengths = strengths_of(PlantedDataset("planted", split).manifest)
            rows = {row.tobytes() for row in strengths}
            assert len(rows) == len(strengths)
            assert not rows & seen
            seen |= rows


class TestDataset:
    def test_sample(self) -> None:
        dataset = open_dataset("planted-small", split="validation", image_size=40)
        sample = dataset[3]
        assert sample.image.shape == (40, 40, 3)
        assert sample.image.dtype == np.uint8
        np.testing.assert_allclose(sample.target, dataset.manifest.loc[3, list(MIKELS8.labels)].astype(float))

    @pytest.mark.parametrize("name", PRESETS)
    def test_every_preset_is_a_data_set(self, name: str) -> None:
        sizes = PRESETS[name]
        assert name in DATASETS
        for split in ("train", "validation", "iid"):
            dataset = open_dataset(name, split=split)
            assert isinstance(dataset, PlantedDataset)
            assert (dataset.name, dataset.split, dataset.space) == (name, split, MIKELS8)
            assert (len(dataset), dataset.image_size) == (sizes.count(split), sizes.image_size)

    def test_published_sizes(self) -> None:
        sizes = {name: dataclasses.astuple(PRESETS[name]) for name in ("planted", "planted-small")}
        assert sizes == {"planted": (24000, 1000, 2000, 128), "planted-small": (4000, 1000, 2000, 96)}

    def test_test_is_iid(self) -> None:
        test, iid = (PlantedDataset("planted", split) for split in ("test", "iid"))
        assert test.split == "iid"
        assert test.version == iid.version

    def test_iteration_ends(self) -> None:
        dataset = PlantedDataset("planted-tiny", "validation", image_size=8)
        with pytest.raises(IndexError, match="scenes 0 to"):
            dataset[len(dataset)]
        with pytest.raises(IndexError, match="scenes 0 to"):
            dataset[-1]

    def test_version_follows_what_the_labels_depend_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def version(*args: object, **options: object) -> str:
            return PlantedDataset(*args, **options).version  # type: ignore[arg-type]

        base = version("planted", "train")
        others = {version("planted", "iid"), version("planted-small", "train"), version("planted", "train", votes=5)}
        assert len(others | {base}) == 4
        assert version("planted", "train", image_size=32) == base
        monkeypatch.setattr("fisa.datasets.planted.dataset.VERSION", VERSION + "x")
        assert version("planted", "train") != base

    def test_votes(self) -> None:
        few, many = (PlantedDataset("planted-tiny", "iid", votes=votes).manifest for votes in (5, 50))
        labels = list(MIKELS8.labels)
        np.testing.assert_array_equal(truth_of(few), truth_of(many))
        # More raters only add to the first ones.
        assert (many[labels].to_numpy() * 50 - few[labels].to_numpy() * 5 > -1e-9).all()

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: open_dataset("plant"), "unknown data set 'plant'; there are planted, "),
            (lambda: open_dataset("planted", split="dev"), "no split 'dev'; there are train, validation, iid, test"),
            (lambda: open_dataset("planted", root="photos"), "drawn, not read: leave its root away"),
            (lambda: open_dataset("planted", image_size=0), "image_size must be at least 1, not 0"),
            (lambda: PlantedDataset("big"), "unknown planted preset 'big'"),
            (lambda: PlantedDataset(votes=0), "votes must be at least 1, not 0"),
            (lambda: draw_scene(4000, "train", "planted-small"), "scenes 0 to 3999 in its train split, not 4000"),
            (lambda: draw_scene(-1), "scenes 0 to 1999 in its iid split, not -1"),
            (lambda: draw_scene(0, votes=0), "votes must be at least 1, not 0"),
        ],
    )
    def test_refusals_are_one_clear_sentence(self, call, message: str) -> None:
        with pytest.raises(DataError) as refusal:
            call()
        assert message in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from fisa.datasets import open_dataset\n"
        "from fisa.datasets.planted import oracles\n"
        "dataset = open_dataset('planted-tiny', split='test', image_size=24)\n"
        "assert dataset[0].image.shape == (24, 24, 3) and len(dataset.manifest)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_published_labels_have_not_changed() -> None:
    """Guards published data: results on another sampler do not compare.

    A golden on purpose. If it fails you changed which labels a scene has: set VERSION in presets.py to a new value,
    and put the new digest here beside it.
    """
    rounded = []
    for split in ("train", "validation", "iid"):
        for index in range(20):
            latents = draw_latents(index, split)
            motifs = [(motif.emotion, motif.kind, round(motif.strength, 9)) for motif in latents.motifs]
            rounded.append((motifs, round(latents.brightness, 9), round(latents.saturation, 9)))
    votes = [draw_scene(index, "iid").votes.tolist() for index in range(5)]
    digest = hashlib.sha256(repr((rounded, votes)).encode()).hexdigest()[:16]
    assert (VERSION, digest) == ("2", "676c464d12ca1e9d")
