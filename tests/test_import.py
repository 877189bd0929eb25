"""Weights from elsewhere: taken where they fit, named where they do not, and never run."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from tiny import TINY, TINY_CNN

from fisa.config import RunConfig
from fisa.runs import RunError, load_run
from fisa.runs.files import digest_of
from fisa.training import import_state

CONFIG = RunConfig.model_validate({"name": "theirs", "model": TINY_CNN, **TINY})


@pytest.fixture
def state(tiny_runs: Path) -> dict[str, torch.Tensor]:
    return dict(load_run(tiny_runs / "cnn").model.state_dict())


def test_safetensors_become_a_run_that_predicts_the_same(
    state: dict[str, torch.Tensor], tiny_runs: Path, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.safetensors"
    save_file(state, file)
    run, source = import_state(file, CONFIG, tmp_path / "run"), load_run(tiny_runs / "cnn")
    pd.testing.assert_frame_equal(run.predictions, source.predictions)
    assert run.metrics == source.metrics and run.history.empty
    assert run.provenance["origin"] == "imported"
    assert run.provenance["source"] == {"file": file.name, "sha256": digest_of(file.read_bytes())}
    assert run.provenance["vote_order"] == source.provenance["vote_order"]


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
def test_wrapped_and_prefixed_state_dicts_are_taken(
    prefix: str, wrap: Any, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(wrap(OrderedDict((prefix + name, value) for name, value in state.items())), tmp_path / "theirs.pt")
    run = import_state(tmp_path / "theirs.pt", CONFIG, tmp_path / "run")
    assert all(torch.equal(value, state[name]) for name, value in run.model.state_dict().items())


def test_what_does_not_fit_is_named(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    state["spare"] = state.pop("classifier.bias")
    state["classifier.weight"] = state["classifier.weight"][:, :3].contiguous()
    save_file(state, tmp_path / "theirs.safetensors")
    with pytest.raises(RunError) as refused:
        import_state(tmp_path / "theirs.safetensors", CONFIG, tmp_path / "run")
    assert "classifier.bias is missing; the model has no spare; classifier.weight is float32 [8, 3]" in str(
        refused.value
    )
    assert not (tmp_path / "run").exists()


class Trap:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.marker), "w")


@pytest.mark.parametrize("name", ["theirs.pt", "theirs.safetensors"])
def test_code_in_the_file_is_not_run(name: str, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save({**state, "more": Trap(tmp_path / "marker")}, tmp_path / name)
    with pytest.raises(RunError, match=rf"{name}: cannot be read as") as refused:
        import_state(tmp_path / name, CONFIG, tmp_path / "run")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"classifier.bias": 3}])
def test_what_is_no_state_dict_is_refused(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "theirs.pt")
    with pytest.raises(RunError, match=r"theirs\.pt: holds no state dict"):
        import_state(tmp_path / "theirs.pt", CONFIG, tmp_path / "run")


def test_weights_that_are_no_numbers_are_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    state["classifier.bias"] = torch.full((8,), torch.nan)
    save_file(state, tmp_path / "theirs.safetensors")
    with pytest.raises(RunError, match=r"classifier\.bias holds something else than finite numbers"):
        import_state(tmp_path / "theirs.safetensors", CONFIG, tmp_path / "run")
