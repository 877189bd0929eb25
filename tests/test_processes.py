"""Several processes: they train what one trains, and when one fails all end with one sentence."""

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sabotage
import torch
import trees
from lightning_fabric.accelerators import CUDAAccelerator
from safetensors.torch import load_file
from tiny import RATED, TINY, TINY_CNN, TINY_FISA
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.config import ConfigError, RunConfig, dump_config
from fisa.datasets import open_dataset
from fisa.runs import Run, load_run
from fisa.training import Placement, PlacementError, launch, prepare, train
from fisa.training.loop import Loop
from fisa.training.team import LOST, Team

ROOT = Path(__file__).parent.parent
SQUEEZENET = {"name": "torchvision", "network": "squeezenet1_1", "stage": "features.5"}  # has no batch normalisation
LIMIT = 200
"""Seconds after which a command has hung; alone on two cores it takes about ten."""

SPAWN = multiprocessing.get_context("forkserver")  # a server that has imported torch and run nothing of it
SPAWN.set_forkserver_preload(["fisa.training", "torch._dynamo"])  # the latter is imported by the first step


def config_of(model: dict[str, Any], **training: Any) -> RunConfig:
    settings = {"epochs": 3, "batch_size": 53, "seed": 5, "optimizer": "sgd", "lr": 0.05, **training}
    return RunConfig.model_validate({"name": "together", "model": model, **TINY, "training": settings})


FROZEN = config_of(TINY_FISA, freeze_backbone=True)
"""160 images in batches of 53 leave one for the last step, of which one of two processes has none."""


def call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a Python command in as many threads as the run that it is compared with; fail where it hangs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    whole = (sys.executable, *map(str, command))
    return subprocess.run(whole, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT)


def written(config: RunConfig, folder: Path) -> Path:
    (folder / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    return folder / "config.yaml"


def team(
    config: RunConfig, folder: Path, *options: str, size: int = 2, broken: dict[int, str] | None = None
) -> tuple[list[int | None], list[str]]:
    """Train into ``folder/run`` in processes that run already, as torchrun starts them.

    Args:
        config: To train.
        folder: For the run, and what the processes say.
        options: Of the command line, beside --out.
        size: Number of processes.
        broken: Which process breaks, and how: a function of tests/sabotage.py.

    Returns:
        Their exit statuses, and what each said.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ("train", str(written(config, folder)), "--out", str(folder / "run"), *options)
    logs = [folder / f"{rank}.log" for rank in range(size)]
    members = []
    for rank, log in enumerate(logs):
        log.unlink(missing_ok=True)
        breaks = (broken or {}).get(rank)
        members.append(SPAWN.Process(target=sabotage.run, args=(rank, size, port, arguments, log, breaks)))
        members[-1].start()
    for member in members:
        member.join(LIMIT)
    hung = [member for member in members if member.is_alive()]
    for member in hung:
        member.kill()
    assert not hung, [log.read_text() for log in logs]
    return [member.exitcode for member in members], [log.read_text() for log in logs]


def assert_same(run: Run, expected: Run, tolerance: float = 1e-5) -> None:
    """Losses and weights are equal but for rounding.

    A sum over the batch in another order differs by some 1e-7 of its terms; SGD, unlike AdamW, which divides by the
    size of a gradient that may be 0 but for rounding, passes that on times the learning rate.
    """
    numbers = ["train_loss", run.task.history[3], "lr"]
    np.testing.assert_allclose(run.history[numbers], expected.history[numbers], rtol=tolerance)
    state, other = (load_file(each.path / "model.safetensors") for each in (run, expected))
    assert state.keys() == other.keys()
    for name in state:
        torch.testing.assert_close(state[name], other[name], rtol=0, atol=tolerance, msg=lambda text, n=name: n + text)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process makes of FROZEN."""
    return train(FROZEN, tmp_path_factory.mktemp("alone") / "run")


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What two processes make of it."""
    folder = tmp_path_factory.mktemp("together")
    codes, said = team(FROZEN, folder)
    assert codes == [0, 0], said
    # Rank zero alone speaks: three epochs, and the path.
    assert said[1] == ""
    assert [line[:12] for line in said[0].splitlines()[:3]] == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]
    assert said[0].splitlines()[3:] == [str(folder / "run")]
    return load_run(folder / "run")


@pytest.mark.slow
def test_two_processes_learn_ratings_as_one_does(tmp_path: Path) -> None:
    trees.oasis(tmp_path / "data", [f"Theme{chr(65 + number)}" for number in range(10)])
    model = {"name": "two_level_attention", "width": 8, "hidden": 8, "backbone": {"name": "plain", "width": 8}}
    training = {"epochs": 2, "batch_size": 5, "optimizer": "sgd", "lr": 0.05, "freeze_backbone": True}
    data = {"name": "oasis", "root": str(tmp_path / "data"), "image_size": 16}
    sections = {"name": "rated", "model": model, "data": data, "training": training, **RATED}
    config = RunConfig.model_validate(sections)
    codes, said = team(config, tmp_path)
    assert codes == [0, 0], said
    assert_same(load_run(tmp_path / "run"), train(config, tmp_path / "alone"))


def test_two_processes_train_what_one_trains(alone: Run, together: Run) -> None:
    assert_same(together, alone)
    assert together.config == alone.config  # where it ran is no configuration, but provenance
    place = {"nodes": 1, "accelerator": "cpu", "normalisation": None}
    assert together.provenance["processes"] == [{"count": 2, "strategy": "ddp", **place}]
    assert alone.provenance["processes"] == [{"count": 1, "strategy": "single", **place}]


@pytest.mark.slow
def test_all_weights_follow_the_gradient_of_the_whole_batch(tmp_path: Path) -> None:
    # 160 images in batches of 51 leave 7 for the last step; three processes have 2, 2 and 3 of them.
    config = config_of({"name": "cnn", "backbone": SQUEEZENET}, batch_size=51, epochs=2, lr=0.01)
    codes, said = team(config, tmp_path, size=3)
    assert codes == [0, 0, 0], said
    alone = train(config, tmp_path / "alone")
    assert_same(load_run(tmp_path / "run"), alone)
    drawn = prepare(config).model.state_dict()
    assert not any(torch.equal(tensor, drawn[name]) for name, tensor in alone.model.state_dict().items())


@pytest.mark.slow
def test_fabric_starts_them(alone: Run, tmp_path: Path) -> None:
    cnn = written(config_of(TINY_CNN, freeze_backbone=True, epochs=1), tmp_path)
    done = call("-m", "fisa", "train", cnn, "--out", tmp_path / "run", "--devices", "2", "--accelerator", "cpu")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'run'}\n"), done.stderr
    assert done.stderr.startswith("epoch 1 of 1") and done.stderr.count("\n") == 1
    assert load_run(tmp_path / "run").provenance["processes"][0]["count"] == 2


@pytest.mark.slow
def test_torchrun_starts_them(tmp_path: Path) -> None:
    cnn = written(config_of(TINY_CNN, freeze_backbone=True, epochs=1), tmp_path)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "fisa")
    done = call(*torchrun, "train", cnn, "--out", tmp_path / "run")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'run'}\n"), done.stderr
    assert load_run(tmp_path / "run").provenance["processes"][0]["count"] == 2


@pytest.mark.slow
def test_normalisation_over_shares_is_said_and_recorded(tmp_path: Path) -> None:
    codes, said = team(config_of(TINY_CNN, epochs=1), tmp_path, "--precision", "bf16-mixed")
    assert codes == [0, 0], said
    run = load_run(tmp_path / "run")
    assert run.provenance["processes"][0]["normalisation"] == "share"
    assert "in each of 2 processes over a share of the batch" in said[0].splitlines()[0]
    assert run.config.training.precision == "bf16-mixed"  # what --precision says is configuration


class TestFailures:
    """All processes end, rank zero with exit status 1 and one sentence; a later --resume goes on."""

    def test_a_sample_of_another_process_is_named(self, tmp_path: Path) -> None:
        codes, said = team(FROZEN, tmp_path, broken={0: "poison", 1: "poison"})
        last = open_dataset("planted-tiny", split="train").manifest["id"].iloc[-1]
        found = re.fullmatch(r"together: the loss became nan in step \d of epoch 1 \(samples (\S+)\); .*\n", said[0])
        assert codes[0] == 1 and found and found[1] == last, said

    @pytest.mark.slow
    def test_a_full_disk_ends_all(self, tmp_path: Path) -> None:
        codes, said = team(FROZEN, tmp_path, broken={0: "fill"})
        assert codes[0] == 1 and "Traceback" not in said[0] + said[1]
        (sentence,) = said[0].splitlines()[1:]  # after the first epoch
        assert "checkpoint: cannot be written (No space left on device); what was there before" in sentence

    @pytest.mark.slow
    def test_what_fails_elsewhere_is_said_by_rank_zero(self, tmp_path: Path) -> None:
        """Also where Fabric, which started the other process, would kill all when that one fails."""
        command = (ROOT / "tests" / "sabotage.py", "train", written(FROZEN, tmp_path), "--out", tmp_path / "run")
        done = call(*command, "--devices", "2", "--accelerator", "cpu")
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.splitlines()[1:] == ["process 1 of 2: MemoryError: no memory for the step"]

    @pytest.mark.slow
    def test_when_one_is_killed_all_end_and_as_many_go_on_to_equal_weights(self, together: Run, tmp_path: Path) -> None:
        codes, said = team(FROZEN, tmp_path, broken={1: "kill"})
        assert codes == [1, -signal.SIGKILL]
        assert said[0].splitlines()[1:] == [LOST]
        codes, said = team(FROZEN, tmp_path, "--resume")
        assert codes == [0, 0], said
        run = load_run(tmp_path / "run")
        state, expected = (load_file(each.path / "model.safetensors") for each in (run, together))
        assert all(torch.equal(state[name], expected[name]) for name in expected)
        assert run.provenance["processes"] == together.provenance["processes"] and run.provenance["resumed"] == 1

    @pytest.mark.slow
    def test_when_rank_zero_is_killed_all_end_and_one_goes_on(self, together: Run, tmp_path: Path) -> None:
        codes, said = team(FROZEN, tmp_path, broken={0: "kill"})
        assert codes == [-signal.SIGKILL, 0] and "Traceback" not in said[1]
        run = train(FROZEN, tmp_path / "run", resume=True)
        assert_same(run, together)
        assert [place["count"] for place in run.provenance["processes"]] == [2, 1]


@pytest.mark.parametrize(
    ("placement", "sentence"),
    [
        (Placement(accelerator="cuda", devices=2), "--accelerator cuda: this machine has cpu only"),
        (
            Placement("cpu", devices=33),
            r"batch_size 32 leaves some of 33 processes without an image",
        ),
        (Placement("cpu", devices=11, nodes=3), r"batch_size 32 leaves some of 33 processes"),
    ],
)
def test_what_cannot_be_placed_is_refused(placement: Placement, sentence: str) -> None:
    config = config_of(TINY_CNN, batch_size=32)
    with pytest.raises((PlacementError, ConfigError), match=sentence):
        launch(config, placement)


def test_after_an_epoch_every_process_draws_what_rank_zero_draws() -> None:
    # A checkpoint has the random numbers of rank zero; dropout on shares that differ by one draws other counts of them.
    class Second(Team):
        """Rank one of two, without the other: of what rank zero tells, only its random numbers are made up."""

        def share(self, count: int) -> slice:
            return slice(count // 2, count)

        def total(self, value: torch.Tensor) -> torch.Tensor:
            return value

        def broadcast_number(self, number: float) -> float:
            return 1.0

        def broadcast_bytes(self, content: bytes) -> bytes:
            told = torch.Generator().manual_seed(17).get_state()
            return told.numpy().tobytes()

    config = config_of({"name": "jcdl", "backbone": {"name": "plain", "width": 8}}, epochs=1, batch_size=32)
    team = Second(launch(config).fabric, lambda sentence: None)
    team.size, team.leads = 2, False
    loop = Loop(team, prepare(config))
    loop.advance()
    assert torch.equal(torch.get_rng_state(), torch.Generator().manual_seed(17).get_state())
    assert torch.equal(loop.capture().tensors["random/torch"], torch.get_rng_state())


@pytest.mark.parametrize("objective", [{"metric": 1.0}, {"code_similarity": 0.1}, {"pointing": 1.0}])
def test_an_objective_that_compares_images_is_refused_in_several_processes(objective: dict[str, float]) -> None:
    document = config_of(TINY_CNN, batch_size=32, per_emotion=2).model_dump()
    config = RunConfig.model_validate({**document, "objective": objective})
    with pytest.raises(ConfigError, match="would see its share alone; train in one process"):
        launch(config, Placement("cpu", devices=2))


def test_more_devices_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CUDAAccelerator, "is_available", staticmethod(lambda: True))
    monkeypatch.setattr(CUDAAccelerator, "auto_device_count", staticmethod(lambda: 2))
    with pytest.raises(PlacementError, match="--devices 3: this machine has 2 of cuda; name at most so many"):
        launch(FROZEN, Placement("cuda", devices=3))


def test_another_number_than_torchrun_started_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PlacementError, match="--devices 1 --nodes 2: 2 x 2 processes were started from outside"):
        launch(FROZEN, Placement("cpu", devices=1))


@pytest.mark.parametrize(("option", "value"), [("--devices", "0"), ("--devices", "-1"), ("--strategy", "fsdp")])
def test_what_is_no_placement_is_wrong_usage(option: str, value: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", str(written(FROZEN, tmp_path)), f"{option}={value}"])
    assert result.exit_code == 2 and option in result.output
    assert list(tmp_path.iterdir()) == [tmp_path / "config.yaml"]
