"""Batches with enough images of each emotion, and the data that cannot give them."""

import math

import numpy as np
import pandas as pd
import pytest

from fisa.config import ConfigError, RunConfig, TrainingConfig
from fisa.emotions import EKMAN6, MIKELS8, EmotionSpace
from fisa.training import preparation, prepare
from fisa.training.batches import Split, batches, dominant_emotions

RNG = np.random.default_rng(0)


def split_of(emotions: list[int], classes: int) -> Split:
    """One image for each emotion named, of one colour, its row number."""
    images = (
        np.zeros((len(emotions), 8, 8, 3), dtype=np.uint8)
        + np.arange(len(emotions), dtype=np.uint8)[:, None, None, None]
    )
    return Split(images, np.eye(classes)[emotions], np.arange(len(emotions)))


def test_the_dominant_emotion_is_the_first_of_tied_ones() -> None:
    assert dominant_emotions(np.array([[0.2, 0.4, 0.4], [0.5, 0.2, 0.3]])).tolist() == [1, 0]


def test_every_batch_holds_enough_of_each_emotion_and_no_image_twice() -> None:
    # Emotion 2 is rare: 3 of 50 images, and each batch of 12 wants 2 of each.
    emotions = [0] * 30 + [1] * 17 + [2] * 3
    settings = TrainingConfig(batch_size=12, per_emotion=2)
    drawn = [batch.rows for batch in batches(split_of(emotions, 3), settings, np.random.default_rng(0))]
    assert len(drawn) == math.ceil(50 / 12)
    for rows in drawn:
        assert len(rows) == len(set(rows.tolist())) == 12
        assert np.bincount(np.array(emotions)[rows], minlength=3).min() >= 2
    again = [batch.rows for batch in batches(split_of(emotions, 3), settings, np.random.default_rng(0))]
    assert all(np.array_equal(rows, other) for rows, other in zip(drawn, again, strict=True))
    assert not np.array_equal(drawn[0], drawn[1])


def test_rows_and_targets_belong_to_the_images() -> None:
    emotions = [0, 1, 0, 1, 0, 1]
    settings = TrainingConfig(batch_size=4, per_emotion=1, flip=False, shift=0)
    for batch in batches(split_of(emotions, 2), settings, np.random.default_rng(3)):
        assert batch.target.argmax(1).tolist() == [emotions[row] for row in batch.rows]
        shades = batch.images[:, 0, 0, 0].argsort().tolist()
        assert shades == sorted(range(4), key=lambda place: batch.rows[place])


def test_without_it_every_image_comes_once() -> None:
    drawn = [batch.rows for batch in batches(split_of([0] * 10, 2), TrainingConfig(batch_size=4), RNG)]
    assert sorted(np.concatenate(drawn).tolist()) == list(range(10))


class Drawn:
    """A data set of a given label space: image i is grey and is labelled with emotion i modulo C."""

    name, version, split = "drawn", "1", "train"

    def __init__(self, space: EmotionSpace, count: int = 24) -> None:
        self.space, self.count = space, count

    @property
    def manifest(self) -> pd.DataFrame:
        degrees = np.eye(len(self.space))[np.arange(self.count) % len(self.space)]
        return pd.DataFrame(degrees, columns=list(self.space.labels)).assign(id=[str(i) for i in range(self.count)])

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[np.ndarray, None]:
        raise AssertionError("refused before an image is drawn")


def prepare_on(space: EmotionSpace, monkeypatch: pytest.MonkeyPatch, **sections: object) -> None:
    splits = dict.fromkeys(("train", "validation", "test"), Drawn(space))
    monkeypatch.setattr(preparation, "open_data", lambda *_, **__: splits)
    small = {"name": "ew_mtcnn", "backbone": {"name": "plain", "width": 8}}
    prepare(RunConfig.model_validate({"name": "x", "data": {"image_size": 16}, "model": small, **sections}))


def test_data_that_cannot_give_enough_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"x: drawn train has 3 images that are mostly amusement, fewer than .* 4"):
        prepare_on(MIKELS8, monkeypatch, training={"per_emotion": 4, "batch_size": 64})
    with pytest.raises(ConfigError, match=r"x: 8 images of each of 8 emotions do not fit into training\.batch_size 32"):
        prepare_on(MIKELS8, monkeypatch, training={"per_emotion": 8})


def test_labels_without_a_wheel_are_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="ew_mtcnn needs a wheel, but the labels ekman6 have none") as refused:
        prepare_on(EKMAN6, monkeypatch)
    assert "\n" not in str(refused.value)
