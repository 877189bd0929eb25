"""A run on other data than its own: label maps, what the table says of them, and weights taken over by label."""

import json
from dataclasses import dataclass
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fisa import evaluation
from fisa.config import RunConfig
from fisa.datasets import Sample, open_dataset
from fisa.datasets.mapped import MappedDataset, in_space
from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8, POLARITY3, RATINGS, EmotionSpace, score_space
from fisa.evaluation import EvaluationError, evaluate_run, oracles_of, summarise, target_of, truth_of
from fisa.label_maps import MAPS, LabelMap, LabelMapError, counterparts, find_map, meet
from fisa.studies import Result, StudyError, format_table, read_evaluation, save_evaluation, table_of


@dataclass(frozen=True)
class Three:
    """A data set of three images."""

    space: EmotionSpace
    rows: tuple[dict[str, float], ...]
    name: str = "photographs"
    split: str = "test"
    version: str = "v1"

    @property
    def manifest(self) -> pd.DataFrame:
        return pd.DataFrame(row_of(self.space, *self.rows), columns=list(self.space.labels)).assign(
            id=["a", "b", "c"], path=None, split="test", votes=0
        )

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Sample:
        return Sample(np.zeros((1, 1, 3), np.uint8), target_of(self)[index])


def row_of(space: EmotionSpace, *rows: dict[str, float]) -> np.ndarray:
    return np.array([[row.get(label, 0.0) for label in space.labels] for row in rows])


def evaluated(
    monkeypatch: pytest.MonkeyPatch,
    space: EmotionSpace,
    predicted: np.ndarray,
    data: Three,
    trained_on: str = "planted",
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Evaluate a stand-in for a run that predicts these rows."""
    monkeypatch.setattr(evaluation, "predict_packed", lambda model, inputs, task: predicted)
    monkeypatch.setattr(evaluation, "inputs_of", lambda data, size, progress: None)
    own = SimpleNamespace(name=trained_on, image_size=8, root=None)
    run: Any = SimpleNamespace(
        name="mine",
        space=space,
        takes_vectors=False,
        model=None,
        config=SimpleNamespace(data=own),
        splits=None,
        task=evaluation.DISTRIBUTION,
        metrics={},
    )
    return evaluate_run(run, data)


class TestMeeting:
    @pytest.mark.parametrize(
        ("predicted", "target", "space"),
        [
            (MIKELS8, MIKELS8, MIKELS8),
            (EKMAN7, EKMAN6, EKMAN6),  # predictions go to the data
            (AFFECTNET8, EKMAN7, EKMAN7),
            (EKMAN6, EKMAN7, EKMAN6),  # no map gives a prediction of neutral: the data go to the predictions
            (EKMAN7, AFFECTNET8, EKMAN7),
            (MIKELS8, EKMAN7, POLARITY3),  # both into a coarser one
            (AFFECTNET8, MIKELS8, POLARITY3),
            (MIKELS8, POLARITY3, POLARITY3),
        ],
        ids=lambda space: space.name,
    )
    def test_where(self, predicted: EmotionSpace, target: EmotionSpace, space: EmotionSpace) -> None:
        meeting = meet(predicted, target)
        assert meeting.space == meeting.predicted.target == meeting.target.target == space
        assert (meeting.predicted.source, meeting.target.source) == (predicted, target)

    @pytest.mark.parametrize("other", [score_space(5), RATINGS])
    def test_refused(self, other: EmotionSpace) -> None:
        with pytest.raises(LabelMapError) as refused:
            meet(MIKELS8, other)
        assert str(refused.value) == (
            f"predictions over mikels8 cannot be compared with targets over {other.name}: "
            "no defensible map brings both into one label space"
        )

    def test_counterparts(self) -> None:
        assert counterparts(AFFECTNET8, EKMAN6)["joy"] == "happiness"
        # The map leads from seven to six, and is read backwards; neutral continues nothing.
        assert counterparts(EKMAN6, EKMAN7) == {label: label for label in EKMAN6.labels}
        assert counterparts(MIKELS8, EKMAN6) == {}
        # Four labels add up to positive, and four to negative: none is one of them.
        assert counterparts(MIKELS8, POLARITY3) == {}
        assert counterparts(EKMAN6, POLARITY3) == {"positive": "joy", "neither": "surprise"}


@given(st.sampled_from(list(MAPS.values())), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_mapping_keeps_mass_and_commutes_with_mixing(label_map: LabelMap, seed: int, share: float) -> None:
    first, second = np.random.default_rng(seed).dirichlet(np.ones(len(label_map.source)), (2, 5))
    mixed = share * first + (1 - share) * second
    np.testing.assert_allclose(label_map.apply(mixed).sum(1), 1)
    # Each part counts by what the map keeps of it, which is all where no label is left out.
    kept = label_map.matrix.sum(0)
    weights = share * (first @ kept), (1 - share) * (second @ kept)
    parts = zip(weights, (first, second), strict=True)
    expected = sum(weight[:, None] * label_map.apply(rows) for weight, rows in parts) / sum(weights)[:, None]
    np.testing.assert_allclose(label_map.apply(mixed), expected)


class TestThreeImages:
    def test_predictions_go_to_the_data(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = Three(EKMAN6, ({"joy": 1}, {"sadness": 1}, {"fear": 0.5, "surprise": 0.5}))
        rows = (
            {"joy": 0.4, "anger": 0.4, "neutral": 0.2},
            {"sadness": 1},
            {"fear": 0.3, "surprise": 0.3, "neutral": 0.4},
        )
        summary, predictions = evaluated(monkeypatch, EKMAN7, row_of(EKMAN7, *rows), data)
        # Without neutral: joy and anger .5 each, where joy has all: ln 2; the others are right. Left out .2, 0 and .4.
        assert summary["measures"]["kl"] == pytest.approx(log(2) / 3)
        assert predictions[["joy", "anger"]].iloc[0].tolist() == [0.5, 0.5]
        assert (summary["space"], summary["n"], summary["trained_on"]) == ("ekman6", 3, "planted")
        mapped = summary["mapped"]
        assert (mapped["predictions"]["from"], mapped["predictions"]["to"]) == ("ekman7", "ekman6")
        assert mapped["targets"]["from"] == mapped["targets"]["to"] == "ekman6"
        assert mapped["share_left_out"] == pytest.approx(0.2) and mapped["images_left_out"] == 0

    def test_both_go_to_polarity(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = Three(EKMAN6, ({"joy": 1}, {"anger": 0.5, "sadness": 0.5}, {"joy": 0.5, "surprise": 0.5}))
        rows = ({"amusement": 0.25, "awe": 0.25, "fear": 0.5}, {"disgust": 1}, {"awe": 1})
        summary, predictions = evaluated(monkeypatch, MIKELS8, row_of(MIKELS8, *rows), data)
        # Targets: positive; negative; positive .5 and neither .5. Predictions: .5 positive, .5 negative; negative;
        # positive. The largest difference of a degree is .5, 0 and .5, the common share .5, 1 and .5.
        assert summary["measures"]["chebyshev"] == pytest.approx(1 / 3)
        assert summary["measures"]["intersection"] == pytest.approx(2 / 3)
        assert list(predictions.columns) == ["id", *POLARITY3.labels]
        assert summary["mapped"]["predictions"]["never"] == ["neither"]
        result = Result("mine", "digest", summary, predictions, None)
        text = format_table(table_of([result], lambda _name, _split: data), "markdown")
        assert "mine [mapped mikels8 → polarity3; trained on drawn scenes (planted)]" in text
        assert "mine has only seen drawn scenes (planted); it was never taught what photographs holds." in text
        assert "mine: predictions mapped from mikels8 to polarity3 (four positive" in text
        assert "mine: targets mapped from ekman6 to polarity3" in text
        assert "mine can predict no neither" in text and "labels polarity3" in text

    def test_an_image_that_says_nothing_there_is_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = Three(EKMAN7, ({"joy": 1}, {"neutral": 1}, {"fear": 0.25, "anger": 0.25, "neutral": 0.5}))
        rows = row_of(EKMAN6, {"joy": 1}, {"joy": 1}, {"fear": 0.5, "anger": 0.5})
        summary, predictions = evaluated(monkeypatch, EKMAN6, rows, data, "emotion6-6")
        assert summary["n"] == 2 and list(predictions["id"]) == ["a", "c"]
        assert summary["measures"]["kl"] == pytest.approx(0, abs=1e-9)
        assert summary["mapped"]["images_left_out"] == 1

    def test_refusals(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fits = Three(EKMAN6, ({"joy": 1},) * 3)
        silent = row_of(EKMAN7, {"joy": 1}, {"neutral": 1}, {"joy": 1})
        with pytest.raises(
            EvaluationError, match="prediction for 'b' of photographs lies wholly on labels that the map"
        ):
            evaluated(monkeypatch, EKMAN7, silent, fits)
        with pytest.raises(EvaluationError, match="mine and photographs do not fit: predictions over ekman6 cannot"):
            evaluated(monkeypatch, EKMAN6, np.full((3, 6), 1 / 6), Three(score_space(3), ({"1": 1},) * 3))
        with pytest.raises(EvaluationError, match="test has no image that says anything in ekman6"):
            evaluated(monkeypatch, EKMAN6, np.full((3, 6), 1 / 6), Three(EKMAN7, ({"neutral": 1},) * 3))

    def test_a_view_maps_each_sample(self) -> None:
        data = Three(EKMAN7, ({"joy": 1}, {"neutral": 1}, {"fear": 0.25, "neutral": 0.75}))
        view = in_space(data, EKMAN6)
        assert isinstance(view, MappedDataset) and len(view) == 2 and in_space(data, EKMAN7) is data
        np.testing.assert_array_equal(view[1].target, row_of(EKMAN6, {"fear": 1})[0])
        np.testing.assert_array_equal(target_of(view)[1], view[1].target)


def test_truth_and_oracles_of_drawn_scenes_are_mapped_with_them() -> None:
    data = open_dataset("planted-tiny")
    view = in_space(data, POLARITY3)
    truth = truth_of(view)
    assert truth is not None
    np.testing.assert_allclose(truth[:, 0], truth_of(data)[:, :4].sum(1))  # type: ignore[index]
    rungs = oracles_of(view)
    assert summarise(view, rungs["constant"])["score"] == pytest.approx(0)
    assert summarise(view, rungs["truth"])["score"] == pytest.approx(1)
    assert 0 < summarise(view, rungs["additive"])["score"] < summarise(view, rungs["pairwise"])["score"] < 1


class TestStored:
    def result(self) -> Result:
        data = Three(EKMAN6, ({"joy": 1},) * 3)
        predicted = row_of(EKMAN6, {"joy": 2 / 3, "fear": 1 / 3}, {"joy": 1}, {"joy": 1})
        summary = {**summarise(data, predicted), "trained_on": "photographs", "seen": 0, "mapped": None}
        config = RunConfig.model_validate({"name": "x"}).data
        return Result("mine", "digest", summary, evaluation.prediction_frame(data, predicted), None, config)

    def test_is_read_back_equal(self, tmp_path: Path) -> None:
        stored = self.result()
        save_evaluation(tmp_path / "new" / "mine.json", stored)
        again = read_evaluation(tmp_path / "new" / "mine.json")
        assert (again.system, again.digest, again.metrics, again.data) == (
            stored.system,
            stored.digest,
            stored.metrics,
            stored.data,
        )
        pd.testing.assert_frame_equal(again.predictions, stored.predictions, check_dtype=False, atol=1e-6)

    @pytest.mark.parametrize(
        ("place", "value", "said"),
        [
            (("format",), 9, "format: Input should be 1"),
            (("metrics", "space"), "moods", "unknown space 'moods'; known: mikels8, "),
            (("metrics", "n"), 4, "predictions need id and anger, disgust, fear, joy, sadness, surprise, 4 of each"),
            (("metrics", "measures"), {"kl": 1.0}, "measures lack accuracy"),
            (("predictions", "joy"), [5.0, 1.0, 1.0], "predictions: a row is no distribution over ekman6"),
            (("predictions", "joy"), ["x", "y", "z"], "could not convert string to float: 'x'"),
            (("digest",), None, "digest: Input should be a valid string"),
        ],
    )
    def test_what_is_damaged_is_refused(self, tmp_path: Path, place: tuple[str, ...], value: Any, said: str) -> None:
        file = tmp_path / "mine.json"
        save_evaluation(file, self.result())
        document = json.loads(file.read_text())
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        file.write_text(json.dumps(document))
        with pytest.raises(StudyError, match=said) as refused:
            read_evaluation(file)
        assert str(refused.value).startswith(f"{file}: no stored evaluation (") and "\n" not in str(refused.value)

    def test_what_is_no_json_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text("nothing")
        with pytest.raises(StudyError, match=r"x\.json: "):
            read_evaluation(tmp_path / "x.json")


def test_every_map_is_found_from_either_end() -> None:
    for source, target in MAPS:
        label_map = find_map(MAPS[source, target].source, MAPS[source, target].target)
        assert counterparts(label_map.source, label_map.target).keys() <= set(label_map.target.labels)
