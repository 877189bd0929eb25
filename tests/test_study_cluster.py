"""A study on a local two-node Ray cluster: the same runs and tables as on one machine."""

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from studying import here
from tiny import TINY_CNN
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.cluster import ClusterError
from fisa.runs import load_run
from fisa.studies.nodes import train_on_cluster
from fisa.studies.runner import run_study
from fisa.studies.summary import load_results
from fisa.studies.tables import study_table

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
STUDY = {
    "name": "tiny",
    "data": {"name": "planted-tiny", "image_size": 32},
    "epochs": 2,
    "systems": {"cnn": {"config": {"model": TINY_CNN}}, "wide": {"config": {"model": {"name": "cnn_mlp"}}}},
    "set": {"model.backbone": {"name": "plain", "width": 8}},
}


@pytest.fixture
def nodes() -> Iterator[Any]:
    """Two nodes of one processor each, connected."""
    ray = pytest.importorskip("ray", reason="needs requirements-cluster.txt")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    both = Cluster(initialize_head=True, head_node_args=NODE)
    both.add_node(**NODE)
    ray.init(both.address, log_to_driver=False, logging_level="ERROR")
    both.wait_for_nodes()
    yield both
    ray.shutdown()
    both.shutdown()


@pytest.mark.slow
def test_a_cluster_makes_the_runs_and_the_table_of_one_machine(nodes: Any, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(STUDY))
    there = run_study(file, tmp_path / "there", train_on_cluster)
    threads = torch.get_num_threads()
    alone = run_study(file, tmp_path / "here", here)
    torch.set_num_threads(threads)
    assert there == alone and there.failures == () and len(there.cells) == 2
    for cell in there.cells:
        ours, theirs = (load_file(tmp_path / name / cell.where / "model.safetensors") for name in ("there", "here"))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert load_run(tmp_path / "there" / cell.where).provenance["threads"] == 1
    tables = [study_table(load_results(tmp_path / name)) for name in ("there", "here")]
    tables = [table.drop(columns=["seconds", "speed"]) for table in tables]
    pd.testing.assert_frame_equal(*tables)


def test_no_cluster_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs requirements-cluster.txt")
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(STUDY))
    with pytest.raises(ClusterError, match="no Ray cluster answers there"):
        run_study(file, tmp_path / "out", partial(train_on_cluster, address="127.0.0.1:1"))


@pytest.mark.parametrize("options", [["--address", "auto"], ["--engine", "ray", "--processes", "3"]])
def test_options_of_the_other_engine_are_wrong_usage(options: list[str], tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["study", str(tmp_path / "study.yaml"), *options]).exit_code == 2
