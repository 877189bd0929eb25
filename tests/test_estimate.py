"""How long a training takes, from a few of its steps: worked by hand, and of a training that is not made."""

from pathlib import Path

import pytest
from tiny import TINY, TINY_CNN

from fisa.background import Desk
from fisa.config import RunConfig
from fisa.datasets import DataError
from fisa.datasets.packed import cache_folder
from fisa.emotions import MIKELS8
from fisa.jobs import JobError, process
from fisa.jobs.estimates import Measurement, look_at_estimate, start_estimate, stop_estimate
from fisa.models import build_model
from fisa.training import estimate as estimating
from fisa.training.estimate import Estimate, estimate

CONFIG = RunConfig.model_validate({"name": "timed", "model": TINY_CNN, **TINY})


def test_seconds_are_those_of_all_steps_and_validations() -> None:
    found = Estimate(
        epochs=4, steps=100, fastest=0.1, step=0.2, slowest=0.5, validation=3.0, parameters=1, memory=None, device="cpu"
    )
    assert found.epoch_seconds == pytest.approx(23)
    assert found.seconds == pytest.approx((4 * 13, 4 * 23, 4 * 53))


def test_a_few_steps_of_the_training_are_timed_and_no_test_split_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(estimating, "ENOUGH", 0.0)
    data = CONFIG.data.model_copy(update={"test": "no split"})
    found = estimate(CONFIG.model_copy(update={"data": data}))
    assert (found.steps, found.epochs) == (5, 2)  # 160 images in batches of 32
    assert 0 < found.fastest <= found.step <= found.slowest and found.validation > 0
    model = build_model(CONFIG.model, MIKELS8)
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.memory is None or found.memory > 2**20
    assert not list(tmp_path.iterdir())


def test_data_that_are_not_there_are_refused_as_in_a_training(tmp_path: Path) -> None:
    data = {"name": "emotion6", "root": str(tmp_path)}
    with pytest.raises(DataError, match=r"ground_truth\.txt is missing"):
        estimate(RunConfig.model_validate({"name": "x", "model": TINY_CNN, "data": data}))


class TestRemembered:
    @pytest.fixture(autouse=True)
    def here(self, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Do in this process what another one would."""
        monkeypatch.setattr(Desk, "start", lambda desk, module, kind, folder: process.main(kind, Path(folder)))

    def test_it_is_measured_once_for_all_whose_steps_are_alike(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = Estimate(2, 5, 0.1, 0.2, 0.3, 1.0, 7, 9, "cpu")
        calls: list[RunConfig] = []
        monkeypatch.setattr(estimating, "estimate", lambda config, progress: calls.append(config) or found)
        assert look_at_estimate(CONFIG) == Measurement("none")
        start_estimate(CONFIG)
        measured = look_at_estimate(CONFIG)
        assert measured.state == "done" and measured.estimate == found and calls == [CONFIG]
        training = CONFIG.training.model_copy(update={"epochs": 9, "seed": 3, "lr": 0.1})
        longer = look_at_estimate(CONFIG.model_copy(update={"name": "other", "training": training}))
        assert longer.estimate is not None and longer.estimate.epochs == 9 and longer.estimate.step == 0.2
        larger = CONFIG.training.model_copy(update={"batch_size": 8})
        assert look_at_estimate(CONFIG.model_copy(update={"training": larger})).state == "none"

    def test_one_that_was_stopped_is_as_good_as_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start = Desk.start
        monkeypatch.setattr(Desk, "start", lambda desk, *asked: (desk.stop(), start(desk, *asked)))
        start_estimate(CONFIG)
        assert look_at_estimate(CONFIG) == Measurement("none")
        stop_estimate(CONFIG)

    def test_a_cache_that_cannot_be_written_is_one_sentence(self) -> None:
        cache_folder().parent.mkdir(parents=True, exist_ok=True)
        cache_folder().write_text("a file")
        with pytest.raises(JobError, match=r"the estimate cannot be started \("):
            start_estimate(CONFIG)
