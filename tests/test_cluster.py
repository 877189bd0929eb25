"""Prediction on a local two-node Ray cluster: each row once, whatever process or node is lost on the way."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from tiny import save_untrained
from typer.testing import CliRunner

from fisa import cluster, shards
from fisa.__main__ import app
from fisa.cluster import ClusterError, predict_parts
from fisa.files import find_files
from fisa.parts import MANIFEST, Parts
from fisa.runs import Run, code_digest
from fisa.shards import ShardError, cut_shards, predict_table

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
SIZE = 8  # entries of a shard here
COUNT = 150
SHARDS = -(-COUNT // SIZE)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return save_untrained(tmp_path_factory.mktemp("run") / "cnn")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise images, 0.png to 149.png, with one cut short and one in each shard that takes a while. Read only."""
    place = tmp_path_factory.mktemp("album")
    noise = np.random.default_rng(0)
    large = noise.integers(0, 256, (40, 40, 3), dtype=np.uint8).repeat(60, axis=0).repeat(60, axis=1)
    Image.fromarray(large).save(place / "0.png")
    for number in range(1, COUNT):
        if number % SIZE:
            Image.fromarray(noise.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(place / f"{number}.png")
        else:
            (place / f"{number}.png").hardlink_to(place / "0.png")
    (place / "77.png").write_bytes((place / "77.png").read_bytes()[:100])
    return place


@pytest.fixture(scope="module")
def expected(run: Run, album: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The table that a single machine makes."""
    target = tmp_path_factory.mktemp("single") / "table.parquet"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", SIZE)
        predict_table(run, [album], target)
    torch.set_num_threads(threads)
    return pd.read_parquet(target)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two nodes of one processor each, connected."""
    ray = pytest.importorskip("ray", reason="needs requirements-cluster.txt")
    from ray.cluster_utils import Cluster

    both = Cluster(initialize_head=True, head_node_args=NODE)
    both.add_node(**NODE)
    ray.init(both.address, log_to_driver=False, logging_level="ERROR")
    both.wait_for_nodes()
    yield both
    ray.shutdown()
    both.shutdown()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shards, "SHARD", SIZE)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)  # a task that runs in this process takes one


class Stopped(Exception):
    pass


def after(count: int, act: Callable[[], None]) -> Callable[[int, Sequence[str]], None]:
    """A watch that acts once, as the ``count``-th part comes."""
    left = [count]

    def watch(rows: int, reasons: Sequence[str]) -> None:
        left[0] -= 1
        if left[0] == 0:
            act()

    return watch


def assert_same(folder: Path, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(folder), expected, check_exact=True)
    manifest = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    assert len(manifest) == 1 + SHARDS  # each part is listed once
    assert len(list(folder.iterdir())) == 1 + SHARDS


def working(nodes: Any) -> list[int]:
    """The processes of this cluster in which a shard is being predicted."""
    raylets = {process.process.pid for node in nodes.list_all_nodes() for process in node.all_processes["raylet"]}
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in raylets and b"_predict" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:  # it ended meanwhile
            continue
    return found


@pytest.mark.slow
def test_a_killed_worker_costs_no_row_and_doubles_none(
    nodes: Any, run: Run, album: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            for process in working(nodes):
                os.kill(process, signal.SIGKILL)
                killed.append(process)

    steps: list[tuple[int, int]] = []
    predict_parts(
        run,
        [album],
        tmp_path / "table",
        watch=after(SHARDS // 2, kill),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert killed
    assert_same(tmp_path / "table", expected)
    assert len(steps) == SHARDS and steps[-1] == (COUNT, COUNT)
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


@pytest.mark.slow
def test_an_interrupted_call_is_gone_on_with(
    nodes: Any, run: Run, album: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    def stop() -> None:
        raise Stopped

    folder = tmp_path / "table"
    with pytest.raises(Stopped):
        predict_parts(run, [album], folder, watch=after(5, stop))
    with pytest.raises(ShardError, match="table: already holds a table or part of one; add --resume"):
        predict_parts(run, [album], folder)
    with pytest.raises(ShardError, match="begun with batch size 32, not 5"):
        predict_parts(run, [album], folder, batch_size=5, resume=True)
    with pytest.raises(ShardError, match="begun with another list"):
        predict_parts(run, [album / "1.png", album], folder, resume=True)
    done = {file.name: file.stat().st_mtime_ns for file in folder.glob("part-*")}
    assert len(done) == 5
    told: list[str] = []
    predict_parts(run, [album], folder, resume=True, watch=lambda rows, reasons: told.extend(reasons))
    assert_same(folder, expected)
    assert {name: (folder / name).stat().st_mtime_ns for name in done} == done
    assert told == expected["refused"].dropna().tolist() and len(told) == 1


@pytest.mark.slow
def test_from_the_command_line(nodes: Any, run: Run, album: Path, expected: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "table"
    result = CliRunner().invoke(app, ["predict", str(run.path), str(album), "--engine", "ray", "--out", str(folder)])
    assert result.exit_code == 1  # 77.png is refused
    told = [line for line in result.stderr.splitlines() if not re.match(r"predict: \d+ of \d+, about ", line)]
    assert told == [  # but for how far it is, where the nodes take long to start
        expected["refused"].dropna().item(),
        f"{COUNT - 1} predicted, 1 refused; see {folder}",
    ]
    assert_same(folder, expected)


@pytest.mark.slow
def test_a_node_that_cannot_do_the_work_is_named(
    nodes: Any, run: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "code_digest", lambda: "another")
    with pytest.raises(ClusterError, match=r"node [\d.]+: another version of this program is installed here; install"):
        predict_parts(run, [album], tmp_path / "table")


@pytest.mark.slow
def test_a_lost_node_costs_no_row_and_doubles_none(
    nodes: Any, run: Run, album: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    (lost,) = nodes.worker_nodes

    def lose() -> None:
        nodes.remove_node(lost, allow_graceful=False)

    predict_parts(run, [album], tmp_path / "table", watch=after(SHARDS // 2, lose))
    assert lost not in nodes.worker_nodes
    assert_same(tmp_path / "table", expected)


class FakeRay:
    """A cluster on which every try of a shard ends its process, unless an extra process decodes."""

    class exceptions:
        class RayError(Exception):
            pass

        class WorkerCrashedError(RayError):
            pass

        class OutOfMemoryError(RayError):
            pass

        class NodeDiedError(RayError):
            pass

    def __init__(self, survives: bool) -> None:
        self.survives = survives
        self.begun: list[tuple[int, bool, int]] = []

    def remote(self, function: object, *arguments: Any) -> Any:
        if not arguments:
            return self
        _, shard, apart = (function, *arguments)
        self.begun.append((shard.number, apart, self.retries))
        return function, *arguments

    def options(self, num_cpus: int, max_retries: int) -> "FakeRay":
        self.retries = max_retries
        return self

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}

    def wait(self, under_way: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return under_way[:1], under_way[1:]

    def get(self, reference: Any) -> Any:
        job, shard, apart = reference
        if shard.number == 1 and not (apart and self.survives):
            raise self.exceptions.WorkerCrashedError("The worker died.\n")
        return cluster._predict(job, shard, False)

    def cancel(self, reference: object, force: bool) -> None:
        pass


def test_a_shard_whose_every_try_ended_its_process_is_decoded_apart(
    run: Run, album: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    job = cluster._Job(run.path, run.digest, code_digest(), tmp_path / "table", 32)
    ray = FakeRay(survives=True)
    parts = Parts(job.folder, {}, resume=False, force=False)
    made = list(cluster._Tasks(ray, job).made(cut_shards(find_files([album])), parts))
    parts.close(SHARDS)
    assert sorted(part.number for part, _ in made) == list(range(SHARDS))
    assert [each for each in ray.begun if each[0] == 1] == [(1, False, 3), (1, True, 0)]
    assert len(ray.begun) == SHARDS + 1
    assert len(pd.read_parquet(job.folder)) == COUNT


def test_a_shard_that_cannot_be_done_is_named(run: Run, album: Path, tmp_path: Path) -> None:
    job = cluster._Job(run.path, run.digest, code_digest(), tmp_path / "table", 32)
    parts = Parts(job.folder, {}, resume=False, force=False)
    with pytest.raises(ClusterError, match=r"shard 1: its task could not be run \(The worker died\.\); see Ray's logs"):
        list(cluster._Tasks(FakeRay(survives=False), job).made(cut_shards(find_files([album])), parts))


def test_what_a_node_does_not_see_is_named(run: Run, tmp_path: Path) -> None:
    job = cluster._Job(run.path, run.digest, code_digest(), tmp_path, 32)
    with pytest.raises(ClusterError, match="is not seen here; every node must share the folder"):
        cluster._ready(job)
    with pytest.raises(ClusterError, match=r"nowhere: no such run folder.*every node must see it under the same path"):
        cluster._ready(replace(job, run=tmp_path / "nowhere"))
    with pytest.raises(ClusterError, match="is another run here"):
        cluster._ready(replace(job, run_digest="0123"))
    with pytest.raises(ClusterError, match="another version of this program"):
        cluster._ready(replace(job, code="0123"))


def test_without_ray_it_is_said_how_to_get_it(
    run: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"--engine ray: .*; pip install -r requirements-cluster\.txt"):
        predict_parts(run, [album], tmp_path / "table")
    assert list(tmp_path.iterdir()) == []


def test_an_address_at_which_nothing_answers_is_told(run: Run, album: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs requirements-cluster.txt")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with (
            pytest.raises(ClusterError, match=f"--address {address}: no Ray cluster answers there .*refused.*check it"),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr("ray.is_initialized", lambda: False)
            predict_parts(run, [album], tmp_path / "table", address=address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "ray"], "needs --out FOLDER"),
        (["--engine", "ray", "--out", "table", "--workers", "2"], "is for --engine local"),
        (["--address", "auto"], "is for --engine ray"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["predict", "run", "photos", *arguments])
    assert result.exit_code == 2 and message in " ".join(result.stderr.replace("│", " ").split())
