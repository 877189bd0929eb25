"""Splits and folds: seeded, stratified, whole groups, and no image on two sides."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trees
from sklearn.model_selection import KFold

from fisa.datasets import DataError, Photographs, open_dataset, open_splits
from fisa.datasets.known import KnownFiles
from fisa.datasets.splits import assign, folds
from fisa.emotions import MIKELS8

pytestmark = pytest.mark.usefixtures("own_cache")
MIKELS = list(MIKELS8.labels)


def one_hot(counts: list[int]) -> pd.DataFrame:
    """A manifest with so many images of each of eight emotions and no split."""
    frame = pd.DataFrame(np.repeat(np.eye(8), counts, axis=0), columns=MIKELS)
    return frame.assign(split="")


def alone(manifest: pd.DataFrame) -> np.ndarray:
    return np.full(len(manifest), "", dtype=object)


def test_a_fifth_for_testing_and_an_eighth_of_the_rest_for_validation() -> None:
    manifest = one_hot([80] * 8)
    split = assign(manifest, MIKELS, alone(manifest), None)
    # Of each emotion's 80: 80 / 5 = 16 for testing, 64 / 8 = 8 for validation.
    table = manifest.assign(split=split).groupby("split")[MIKELS].sum()
    assert table.loc["test"].tolist() == [16] * 8
    assert table.loc["validation"].tolist() == [8] * 8
    assert table.loc["train"].tolist() == [56] * 8
    assert split.equals(assign(manifest, MIKELS, alone(manifest), None))


def test_rare_emotions_are_split_together() -> None:
    manifest = one_hot([50, 50, 1, 2, 1, 0, 0, 0])  # four rare ones, fewer than five folds: the next joins them
    numbers = folds(manifest, MIKELS, alone(manifest), 5)
    assert sorted(np.bincount(numbers)) == [20, 21, 21, 21, 21]  # 104 in all


def test_folds_take_every_image_once() -> None:
    manifest = one_hot([7, 9, 11, 13, 5, 6, 8, 10])
    seen = np.zeros(len(manifest), dtype=int)
    for number in range(1, 6):
        split = assign(manifest, MIKELS, alone(manifest), (number, 5))
        seen += (split == "test").to_numpy()
        assert set(split) == {"train", "validation", "test"}
    assert (seen == 1).all()


def test_without_strata_the_folds_are_those_of_scikit_learn() -> None:
    manifest = one_hot([7, 9, 11, 13, 5, 6, 8, 10])
    expected = list(KFold(10, shuffle=True, random_state=0).split(manifest))
    for number, (train, test) in enumerate(expected, 1):
        split = assign(manifest, MIKELS, alone(manifest), (number, 10), stratify=False)
        assert np.flatnonzero(split == "test").tolist() == test.tolist()
        assert (
            set(np.flatnonzero(split != "test")) == set(train) and (split == "validation").sum() == len(train) // 8 + 1
        )


def test_equal_images_stay_together() -> None:
    manifest = one_hot([40] * 8)
    digests = np.array([f"d{row // 2}" if row < 200 else "" for row in range(320)], dtype=object)
    numbers = folds(manifest, MIKELS, digests, 5)
    assert (numbers[0:200:2] == numbers[1:200:2]).all()
    assert len(set(numbers)) == 5


def test_groups_chain_through_equal_images() -> None:
    # Rows 0 and 1 are one group, 1 and 2 one image, 2 and 3 another group: all four stay together.
    manifest = one_hot([3] * 8).assign(group=["a", "a", "b", "b", *(f"g{n}" for n in range(20))])
    digests = alone(manifest)
    digests[[1, 2]] = "same"
    for seed in range(5):
        numbers = folds(manifest, MIKELS, digests, 3, seed)
        assert len(set(numbers[:4])) == 1


def test_images_of_no_group_are_no_group() -> None:
    manifest = one_hot([10] * 8).assign(group=["a", "a", *[""] * 78])
    numbers = folds(manifest, MIKELS, alone(manifest), 4)
    assert numbers[0] == numbers[1] and np.bincount(numbers).min() >= 18  # of 80 images about 20 in each of four folds


def test_groups_without_labels() -> None:
    manifest = pd.DataFrame({"split": [""] * 30, "group": [f"g{n // 3}" for n in range(30)]})
    numbers = folds(manifest, [], alone(manifest), 5)
    assert pd.Series(numbers).groupby(manifest["group"]).nunique().eq(1).all() and set(numbers) == set(range(5))


def test_validation_comes_from_train_where_the_data_names_train_and_test() -> None:
    manifest = one_hot([80] * 8)
    manifest["split"] = np.where(np.arange(640) % 4 == 0, "test", "train")
    split = assign(manifest, MIKELS, alone(manifest), None)
    assert (split[manifest["split"] == "test"] == "test").all()
    assert (split == "validation").sum() == 480 / 8
    # Cross-validation goes over all images, whatever the data names.
    again = assign(manifest, MIKELS, alone(manifest), (2, 4))
    assert (again == "test").sum() == 160 and not again.equals(split)


@pytest.mark.parametrize(
    ("fold", "sentence"),
    [
        ((0, 5), "no fold 0 of 5"),
        ((6, 5), "no fold 6 of 5"),
        ((1, 1), "no fold 1 of 1"),
        (None, "2 images that differ"),
    ],
)
def test_refusals(fold: tuple[int, int] | None, sentence: str) -> None:
    manifest = one_hot([2, 0, 0, 0, 0, 0, 0, 0])
    with pytest.raises(DataError, match=sentence):
        assign(manifest, MIKELS, alone(manifest), fold)


def digests(dataset: object) -> set[str]:
    assert isinstance(dataset, Photographs)
    return set(KnownFiles(dataset.root).digests(dataset.manifest["path"].to_list()))


@pytest.mark.parametrize("fold", [None, (1, 3), (3, 3)])
def test_no_image_is_in_two_splits(tmp_path: Path, fold: tuple[int, int] | None) -> None:
    # Every picture lies there twice, under two names and perhaps two labels.
    for place, label in enumerate(MIKELS):
        for number in range(6):
            trees.draw(tmp_path / "set" / label / f"{number}.png", 10 * place + number)
            trees.draw(tmp_path / "set" / MIKELS[(place + 1) % 8] / f"copy{number}.png", 10 * place + number)
    splits = open_splits("fi", tmp_path / "set", fold=fold)
    found = {name: digests(split) for name, split in splits.items()}
    assert sum(map(len, found.values())) == 48 == len(set.union(*found.values()))
    assert all(len(split) == 2 * len(found[name]) for name, split in splits.items())


def test_the_fold_of_an_opened_set(tmp_path: Path) -> None:
    trees.classes(tmp_path, 4)
    tests = [set(open_dataset("fi", tmp_path, fold=(number, 4)).manifest["path"]) for number in range(1, 5)]
    assert sum(map(len, tests)) == 32 == len(set.union(*tests))
    with pytest.raises(DataError, match="planted-tiny has splits of its own and no folds"):
        open_dataset("planted-tiny", fold=(1, 4))
