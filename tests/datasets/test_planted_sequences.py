"""Planted sequences: the label model by hand, what each modality says, and audits of what it must not say."""

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_regression
from sklearn.linear_model import LinearRegression

from fisa import distances
from fisa.datasets import DATASETS, DataError, open_dataset, open_splits
from fisa.datasets.planted.labels import scene_logits, softmax
from fisa.datasets.planted.oracles import truth_of
from fisa.datasets.planted.sequences import PRESETS, SERIES, SHIFT, draw_course, draw_frame, open_planted_sequences
from fisa.datasets.planted.sequences.course import GAP, MEMORY, SHORTEST, STEPS
from fisa.datasets.planted.sequences.oracles import fit_sequence_ladder
from fisa.datasets.sequences import Events, SequenceSet, sequence_inputs
from fisa.emotions import MIKELS8

LABELS = list(MIKELS8.labels)


@pytest.fixture(scope="module")
def train() -> SequenceSet:
    return open_planted_sequences("planted-sequences", "train")


@pytest.fixture(scope="module")
def tiny() -> SequenceSet:
    return open_planted_sequences("planted-sequences-tiny", "train")


def test_the_last_value_at_or_before_a_time() -> None:
    events = Events(np.array([-1.0, 0.5, 2.0]), np.array([10.0, 20.0, 30.0]))
    known = events.last(np.array([-2.0, 0.0, 0.5, 1.9, 2.0, 9.0]))
    np.testing.assert_array_equal(known, [np.nan, 10, 20, 20, 30, 30])


def test_the_label_model_by_hand() -> None:
    course = draw_course(3, "train")
    step = 7
    pleasant, unpleasant = course.shown[step]
    assert MIKELS8.polarity[pleasant] == 1 and MIKELS8.polarity[unpleasant] == -1
    assert set(np.flatnonzero(course.strengths[step])) == {pleasant, unpleasant}
    events = course.series["weather"]
    value = events.values[np.flatnonzero(events.times <= step)[-1]]
    scene = scene_logits(course.strengths[step], course.brightness, course.saturation)
    shift = np.where(np.asarray(MIKELS8.polarity) > 0, SHIFT * value, -SHIFT * value)
    np.testing.assert_allclose(course.logits[step], scene + shift)
    np.testing.assert_allclose(course.distribution[step], softmax(scene + shift))


def test_strengths_drift_and_stretches_last() -> None:
    for index in range(20):
        course = draw_course(index, "test")
        for slot in range(2):
            shown = course.strengths[np.arange(STEPS), course.shown[:, slot]]
            assert (shown >= 0.5).all() and (shown <= 1.5).all()
            stretch = course.stretch[:, slot]
            lengths = np.bincount(stretch)
            assert (lengths[:-1] >= SHORTEST).all()  # the last one is cut by the end
            for number in range(stretch[-1] + 1):  # within a stretch one emotion, whose strength runs on a line
                part = stretch == number
                assert len(set(course.shown[part, slot])) == 1
                np.testing.assert_allclose(np.diff(shown[part], 2), 0, atol=1e-12)


def test_a_sequence_is_drawn_alone_and_fewer_steps_are_its_first() -> None:
    whole, part = draw_course(5, "validation"), draw_course(5, "validation", steps=10)
    for name in ("strengths", "votes", "text", "speech"):
        np.testing.assert_array_equal(getattr(whole, name)[:10], getattr(part, name))
    assert not np.array_equal(whole.text, draw_course(6, "validation").text)
    tiny, large = (open_planted_sequences(preset, "test").manifest for preset in reversed(PRESETS))
    mine = large[large["id"].isin(tiny["id"]) & (large["step"] < 10)].reset_index(drop=True)
    np.testing.assert_array_equal(mine[LABELS], tiny[LABELS])


def test_manifest_and_modalities(tiny: SequenceSet) -> None:
    manifest = tiny.manifest
    assert len(tiny) == 16 and len(manifest) == 16 * 10 and tiny.ids[1] == "train-0001"
    np.testing.assert_allclose(manifest[LABELS].sum(axis=1), 1)
    np.testing.assert_allclose(truth_of(manifest).sum(axis=1), 1)
    assert (
        tiny.lengths.tolist() == [10] * 16 and set(tiny.vectors) == {"text", "speech"} and set(tiny.series) == {*SERIES}
    )
    for part in tiny.vectors.values():
        assert not part.values[~part.present].any() and part.values[part.present].any(axis=1).all()
    # Each modality is missing in some sequence and there in another.
    assert {bool(len(events.times)) for series in tiny.series.values() for events in series} == {True, False}
    assert tiny.frames is not None and 0 < tiny.frames.present.mean() < 1
    with pytest.raises(DataError, match="there is no single image 0"):
        tiny[0]


def test_frames_show_the_state(tiny: SequenceSet) -> None:
    assert tiny.frames is not None
    scene = draw_frame(2, 4, "train")
    row = 2 * 10 + 4
    np.testing.assert_allclose(tiny.manifest[[f"strength_{label}" for label in LABELS]].iloc[row], scene.strengths)
    assert {figure.emotion for figure in scene.motifs} == set(np.flatnonzero(scene.strengths))
    assert tiny.frames[row].shape == (40, 40, 3) and tiny.frames[row].dtype == np.uint8
    np.testing.assert_array_equal(tiny.frames[row], tiny.frames[row])
    # Looks stay through a stretch: one figure differs from step to step by its strength alone.
    later = draw_frame(2, 5, "train")
    assert scene.palette == later.palette and scene.distractors == later.distractors


def test_version_tells_splits_and_presets_apart() -> None:
    versions = {open_planted_sequences(preset, split).version for preset in PRESETS for split in ("train", "test")}
    assert len(versions) == 4


def test_opens_by_name() -> None:
    assert all(name in DATASETS for name in PRESETS)
    splits = open_splits("planted-sequences-tiny")
    assert {name: len(data) for name, data in splits.items()} == {"train": 16, "validation": 8, "test": 8}


@pytest.mark.parametrize(
    ("preset", "split", "size", "says"),
    [
        ("other", "test", None, "unknown preset"),
        ("planted-sequences", "iid", None, "no split 'iid'"),
        ("planted-sequences", "test", 16, "at least 32 px"),
    ],
)
def test_what_does_not_exist_is_refused(preset: str, split: str, size: int | None, says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_planted_sequences(preset, split, size)
    with pytest.raises(DataError, match="is drawn, not read"):
        open_dataset("planted-sequences", "here")


def test_inputs_keep_what_is_missing_apart(tiny: SequenceSet) -> None:
    inputs = sequence_inputs(tiny, 40)
    assert len(inputs) == 16 and inputs.exists.all() and inputs.frames is not None
    assert (inputs.places >= 0).sum() == len(inputs.frames) == tiny.frames.present.sum()
    two = inputs[np.array([5, 3])].gathered()
    np.testing.assert_array_equal(two.vectors["text"].values[1], tiny.vectors["text"].values[30:40])
    row = next(row for row in (5, 3) if tiny.frames.present[10 * row])
    place = two.places[(5, 3).index(row), 4]
    np.testing.assert_array_equal(two.frames[place], tiny.frames[10 * row + 4])
    assert len(two.owners) == len(two.frames)
    events = tiny.series["weather"][3]
    held = inputs.series["weather"]
    assert held.present[3].sum() == len(events.times)
    np.testing.assert_allclose(held.values[3][held.present[3], 1], events.values, rtol=1e-6)


# --- audits, on the latents of 320 sequences -------------------------------------------------------------------------


def balance(data: SequenceSet) -> np.ndarray:
    """log of pleasant over unpleasant mass: what the weather acts on."""
    truth = truth_of(data.manifest)
    return np.log(truth[:, :4].sum(1) / truth[:, 4:].sum(1))


def r_squared(features: np.ndarray, values: np.ndarray) -> float:
    """Explained on the second half by a linear fit on the first: sequences do not lie on both sides."""
    half = len(values) // 2
    return float(LinearRegression().fit(features[:half], values[:half]).score(features[half:], values[half:]))


def test_the_weather_explains_and_the_other_series_do_not(train: SequenceSet) -> None:
    values = balance(train)
    # The series acts with 2 SHIFT on the balance, so it explains (2 SHIFT)^2 of its variance.
    share = (2 * SHIFT) ** 2 / values.var()
    assert r_squared(train.manifest[["weather"]].to_numpy(), values) == pytest.approx(share, abs=0.12) and share > 0.3
    for name in ("market", "traffic"):
        assert r_squared(train.manifest[[name]].to_numpy(), values) < 0.03


def test_the_other_series_have_no_more_mutual_information_than_those_of_other_sequences(train: SequenceSet) -> None:
    # Steps of a sequence depend on one another, so the estimate is compared with what it is when sequences are swapped.
    values, rng = balance(train), np.random.default_rng(0)

    def information(series: np.ndarray) -> float:
        return float(mutual_info_regression(series.reshape(-1, 1), values, random_state=0)[0])

    for name in SERIES:
        series = train.manifest[name].to_numpy().reshape(len(train), -1)
        own, swapped = information(series), [information(rng.permutation(series)) for _ in range(10)]
        far = (own - np.mean(swapped)) / np.std(swapped)
        assert far > 10 if name == "weather" else far < 3


def test_all_series_have_the_same_statistics(train: SequenceSet) -> None:
    for events in train.series.values():
        own = [each for each in events if len(each.times)]
        values = np.concatenate([each.values for each in own])
        assert abs(values.mean()) < 0.15 and values.std() == pytest.approx(1, abs=0.08)
        # Successive values correlate by exp(-gap / MEMORY), whose mean over exponential gaps is 1 / (1 + GAP / MEMORY).
        pairs = np.concatenate([np.stack([each.values[:-1], each.values[1:]], axis=1) for each in own])
        assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(1 / (1 + GAP / MEMORY), abs=0.04)
        # One event before the first step, at most GAP before it on average, then one in GAP until the end.
        assert np.mean([len(each.times) for each in own]) == pytest.approx(1 + (STEPS + GAP) / GAP, rel=0.05)
        assert all(each.times[0] <= 0 and (np.diff(each.times) > 0).all() for each in own)


def test_text_and_speech_speak_of_what_is_felt_and_not_of_all(train: SequenceSet) -> None:
    values = balance(train)
    for name, part in train.vectors.items():
        share = r_squared(part.values[part.present], values[part.present])
        assert 0.2 < share < 0.95, name


def test_what_is_missing_says_nothing(train: SequenceSet) -> None:
    # Whether a modality is there must not tell the balance, nor how often the emotion changes.
    there = np.stack([part.present for part in train.vectors.values()] + [train.frames.present], axis=1).astype(float)
    assert r_squared(there, balance(train)) < 0.03


def test_ladder() -> None:
    manifest = open_planted_sequences("planted-sequences", "test").manifest
    ladder, truth = fit_sequence_ladder(), truth_of(manifest)
    rungs = ladder.predict(manifest)
    assert list(rungs) == ["constant", "previous", "frame", "weather", "truth"]
    assert all(np.allclose(rows.sum(1), 1) for rows in rungs.values())
    scores = {rung: ladder.score(truth, rows) for rung, rows in rungs.items()}
    assert scores["constant"] == pytest.approx(0) and scores["truth"] == 1 and scores["weather"] > 0.999
    # The series leaves a gap that no frame fills, and persistence falls short of what a frame tells.
    assert 0.5 < scores["previous"] < scores["frame"] < 0.9
    first, later = manifest.index[manifest["step"] == 0], manifest.index[manifest["step"] > 0]
    np.testing.assert_array_equal(rungs["previous"][later], truth[later - 1])
    np.testing.assert_array_equal(rungs["previous"][first], rungs["constant"][first])
    assert distances.kl(truth, rungs["frame"]).mean() > 0.05


def test_every_emotion_leads_and_changes_are_neither_rare_nor_constant(train: SequenceSet) -> None:
    leads = truth_of(train.manifest).argmax(1)
    assert (np.bincount(leads, minlength=8) / len(leads) > 0.08).all()
    steps = leads.reshape(len(train), -1)
    assert 3 < (steps[:, 1:] != steps[:, :-1]).sum(1).mean() < 6
