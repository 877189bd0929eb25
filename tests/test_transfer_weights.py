"""Weights of one run in the model of another, label by label."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import TINY_CNN, TINY_FISA

from fisa.config import RunConfig
from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8, EmotionSpace
from fisa.models import MODELS, System, build_model
from fisa.runs import NewRun, Run, load_run, save_run
from fisa.training.loop import TrainingError
from fisa.training.transfer import initialise, label_axes


class TestWeights:
    def test_rows_follow_their_labels(self, photograph_runs: Path) -> None:
        source = load_run(photograph_runs / "cnn")
        config = RunConfig.model_validate({"name": "x", "model": TINY_CNN}).model
        model = build_model(config, AFFECTNET8)
        drawn = model.state_dict()["classifier.weight"].clone()
        told = initialise(model, [source], config, AFFECTNET8)
        weight, there = model.state_dict()["classifier.weight"], source.model.state_dict()["classifier.weight"]
        # Happiness is joy by another name; contempt is a label that the source does not have.
        assert torch.equal(weight[AFFECTNET8.index("happiness")], there[EKMAN7.index("joy")])
        assert torch.equal(weight[AFFECTNET8.index("neutral")], there[EKMAN7.index("neutral")])
        assert torch.equal(weight[AFFECTNET8.index("contempt")], drawn[AFFECTNET8.index("contempt")])
        assert told["labels"]["contempt"] is None and told["labels"]["happiness"] == "joy" and told["left"] == []

    def test_as_many_labels_are_not_the_same_labels(self, tiny_runs: Path) -> None:
        source = load_run(tiny_runs / "cnn")  # eight emotions of Mikels
        config = RunConfig.model_validate({"name": "x", "model": TINY_CNN}).model
        model = build_model(config, AFFECTNET8)
        drawn = model.state_dict()["classifier.weight"].clone()
        told = initialise(model, [source], config, AFFECTNET8)
        assert told["left"] == ["classifier.weight", "classifier.bias"] and told["mapped"] == []
        assert torch.equal(model.state_dict()["classifier.weight"], drawn)
        name = "backbone.body.0.0.weight"
        assert torch.equal(model.state_dict()[name], source.model.state_dict()[name])

    def test_what_the_configuration_fixes_is_not_taken_over(self, tiny_runs: Path) -> None:
        source = load_run(tiny_runs / "fisa")
        fixed = {"null_trained": False, "null_logit": -2.25}
        config = RunConfig.model_validate({"name": "x", "model": {**TINY_FISA, **fixed}}).model
        model = build_model(config, MIKELS8)
        told = initialise(model, [source], config, MIKELS8)
        assert told["left"] == ["semantic.null_logit"]
        assert model.state_dict()["semantic.null_logit"].tolist() == [-2.25] * 8
        assert torch.equal(model.state_dict()["semantic.null_value"], source.model.state_dict()["semantic.null_value"])

    def test_nor_is_what_is_computed_from_the_labels(self, tmp_path: Path) -> None:
        torch.manual_seed(0)

        def built(**options: object) -> tuple[System, RunConfig]:
            model = {"name": "ew_mtcnn", "backbone": {"name": "plain", "width": 8}, **options}
            config = RunConfig.model_validate({"name": "x", "data": {"image_size": 32}, "model": model})
            return build_model(config.model, MIKELS8), config

        narrow, config = built(sigma=0.6)
        empty = pd.DataFrame({"epoch": [1]})
        source = save_run(tmp_path / "run", NewRun(config, MIKELS8, narrow.state_dict(), empty, {}, empty, {}))
        wide, config = built(sigma=2.0)
        told = initialise(wide, [source], config.model, MIKELS8)
        assert told["left"] == ["prior"]
        # The row of fear in the wheel prior: exp(-steps^2 / 8), its own entry over the sum of all.
        weights = np.exp(-(np.array([0, 1, 1, 2, 2, 3, 3, 4]) ** 2) / 8)
        fear = MIKELS8.index("fear")
        assert wide.state_dict()["prior"][fear, fear].item() == pytest.approx(1 / weights.sum(), rel=1e-5)
        assert torch.equal(wide.state_dict()["classifier.weight"], narrow.state_dict()["classifier.weight"])

    def test_a_backbone_may_have_more_than_the_source(self, tiny_runs: Path) -> None:
        source = load_run(tiny_runs / "fisa")
        finer = {**TINY_FISA, "backbone": {**TINY_FISA["backbone"], "fine": True}}  # type: ignore[dict-item]
        config = RunConfig.model_validate({"name": "x", "model": finer}).model
        model = build_model(config, MIKELS8)
        told = initialise(model, [source], config, MIKELS8)
        assert told["left"] and all(name.startswith("backbone.lateral.") for name in told["left"])
        name = "backbone.body.0.0.weight"
        assert torch.equal(model.state_dict()[name], source.model.state_dict()[name])

    def test_fisa_carries_embeddings_null_and_readout(self, photograph_runs: Path) -> None:
        source = load_run(photograph_runs / "fisa")
        config = RunConfig.model_validate({"name": "x", "model": TINY_FISA}).model
        model = build_model(config, EKMAN6)
        told = initialise(model, [source], config, EKMAN6)
        names = {
            "semantic.scorer.labels",
            "semantic.null_logit",
            "semantic.null_value",
            "readout.weight",
            "readout.bias",
        }
        assert names <= set(told["mapped"]) and told["left"] == []
        here, there = model.state_dict(), source.model.state_dict()
        for name in told["mapped"]:
            assert torch.equal(here[name], there[name][:6]), name  # six and seven stand in one order
        assert torch.equal(here["layers.0.query.weight"], there["layers.0.query.weight"])

    @pytest.mark.parametrize("name", sorted(MODELS))
    def test_axes_of_every_system(self, name: str) -> None:
        model = {"name": name, "backbone": {"name": "plain", "width": 8}}
        if name == "fisa":
            model |= {"readout": "joint", "dim": 16, "heads": 4}
        if name == "ew_mtcnn":
            model |= {"trained": True}
        task = "sequence" if name == "multimodal_sequence" else "distribution"
        config = RunConfig.model_validate({"name": "x", "task": task, "model": model}).model
        system = build_model(config, MIKELS8)
        axes = label_axes(system, config, MIKELS8)
        assert axes and not any(tensor.startswith("backbone") for tensor in axes)
        state = system.state_dict()
        assert all(state[tensor].shape[axis] == 8 for tensor, places in axes.items() for axis in places)
        twice = {"fisa": "readout.weight", "ew_mtcnn": "prior", "emotion_gcn": "graph"}
        if name in twice:
            assert axes[twice[name]] == (0, 1)

    def test_looking_for_axes_draws_no_random_number(self) -> None:
        config = RunConfig.model_validate({"name": "x", "model": TINY_CNN}).model
        system = build_model(config, MIKELS8)
        before = torch.get_rng_state()
        label_axes(system, config, MIKELS8)
        assert torch.equal(torch.get_rng_state(), before)


def filled(path: Path, value: float, space: EmotionSpace = MIKELS8, width: int = 8) -> Run:
    """Return a run whose every measured tensor is ``value``, and every counter ten times that."""
    model = {"name": "cnn", "backbone": {"name": "plain", "width": width}}
    config = RunConfig.model_validate({"name": path.name, "data": {"image_size": 32}, "model": model})
    state = build_model(config.model, space).state_dict()
    for tensor in state.values():
        tensor.fill_(value if tensor.is_floating_point() else 10 * value)
    empty = pd.DataFrame({"epoch": [1]})
    return save_run(path, NewRun(config, space, state, empty, {}, empty, {}))


class TestMean:
    def test_of_two_and_of_three(self, tmp_path: Path) -> None:
        runs = [filled(tmp_path / str(value), value) for value in (1, 4, 7)]
        config = runs[0].config.model
        for sources, mean in ((runs[:2], 2.5), (runs, 4.0)):
            model = build_model(config, MIKELS8)
            told = initialise(model, sources, config, MIKELS8)
            assert told["run"] == "1" and told["digest"] == runs[0].digest and told["left"] == []
            assert told["mean_with"] == [{"run": run.name, "digest": run.digest} for run in sources[1:]]
            state = model.state_dict()
            # Running means and variances too; how many batches they saw is no quantity to be averaged.
            expected = {name: mean if tensor.is_floating_point() else 10 for name, tensor in state.items()}
            assert all((state[name] == value).all() for name, value in expected.items())
            assert any(not tensor.is_floating_point() for tensor in state.values())
        assert all((tensor == 1).all() for name, tensor in runs[0].model.named_parameters())  # is left as it was

    def test_carried_over_to_other_labels(self, tmp_path: Path) -> None:
        runs = [filled(tmp_path / str(value), value, EKMAN7) for value in (1, 4)]
        model = build_model(runs[0].config.model, EKMAN6)
        told = initialise(model, runs, runs[0].config.model, EKMAN6)
        assert told["mapped"] == ["classifier.weight", "classifier.bias"]
        assert (model.state_dict()["classifier.bias"] == 2.5).all()

    def test_there_is_none_of_other_labels_or_models(self, tmp_path: Path) -> None:
        first, config = filled(tmp_path / "first", 1), RunConfig.model_validate({"name": "x", "model": TINY_CNN}).model
        others = {
            "labels": (filled(tmp_path / "labels", 1, AFFECTNET8), "its labels differ"),
            "wider": (filled(tmp_path / "wider", 1, width=12), "backbone.body.3.0.weight differs"),
        }
        for name, (run, why) in others.items():
            with pytest.raises(TrainingError, match=rf"{name}: has no mean of weights with .*first \({why}\); give"):
                initialise(build_model(config, MIKELS8), [first, run], config, MIKELS8)
