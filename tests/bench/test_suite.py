"""The benches, end to end at their smallest: what they measure, and that it is what they say."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trees
from typer.testing import CliRunner

from fisa import __main__
from fisa.bench import BENCHES, BenchError, Settings, read_report, run_bench
from fisa.bench.data import draw_photographs
from fisa.bench.memory import STATUS, peak
from fisa.bench.subjects import photographs, training, untrained_runs
from fisa.images import decode

SMALL = Settings(image_size=32, batch_size=2, images=2, most=40, rounds=2)
OPTIONS = ["--image-size", "32", "--batch-size", "2", "--images", "2", "--most", "40", "--rounds", "2"]


def test_the_command_line_names_every_bench() -> None:
    assert set(__main__.BENCHES) == {*BENCHES, "page", "app"}


@pytest.mark.parametrize(
    ("name", "costs"),
    [
        ("predict", ["predict.files", "predict.pipeline"]),
        ("model", ["model.batch", "model.interaction"]),
        ("explain", ["explain.one"]),
        ("grade", ["grade.scenes"]),
        ("train", ["train.step"]),
        ("map", ["map.project", "map.trust"]),
    ],
)
def test_a_bench_reports_each_of_its_costs(name: str, costs: list[str]) -> None:
    threads = torch.get_num_threads()
    report = run_bench([BENCHES[name]], SMALL)
    assert [each.name for each in report.costs] == costs
    assert all(0 < each.low <= each.value <= each.high for each in report.costs)
    assert torch.get_num_threads() == threads


def test_bare_is_the_same_backbone_with_pooling_and_a_linear_layer() -> None:
    with untrained_runs(SMALL) as runs:
        ours, bare = runs["fisa"].model, runs["bare"].model
        assert [each.shape for each in ours.backbone.parameters()] == [
            each.shape for each in bare.backbone.parameters()
        ]
        # Beyond the backbone: a linear map of its 96 channels to 8 emotions, and their biases.
        rest = [parameter for name, parameter in bare.named_parameters() if not name.startswith("backbone.")]
        assert sum(parameter.numel() for parameter in rest) == 96 * 8 + 8
        paths = [run.path for run in runs.values()]
    assert not any(path.exists() for path in paths)


def test_a_backbone_of_torchvision_is_cut_at_its_stage() -> None:
    backbone = replace(SMALL, backbone="resnet18:layer1").config("fisa").model.backbone
    assert backbone.model_dump() | {"network": "resnet18", "stage": "layer1"} == backbone.model_dump()
    with pytest.raises(BenchError, match="--backbone resnet18: expected plain or NETWORK:STAGE"):
        replace(SMALL, backbone="resnet18").config("fisa")


def test_a_step_trains() -> None:
    loop, batch = training(replace(SMALL, batch_size=8), "fisa")
    first = loop.step(0, batch)
    for _ in range(10):
        last = loop.step(0, batch)
    assert last < first


def test_generated_files_are_images_and_more_of_them_take_no_room() -> None:
    with photographs(70) as folder:
        assert len(list(folder.iterdir())) == 70
        first, again = decode(folder / "0.jpg"), decode(folder / "64.jpg")
        assert first.shape == (480, 640, 3)
        np.testing.assert_array_equal(first, again)
        assert len({file.stat().st_ino for file in folder.iterdir()}) == 64


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells the peak memory of a process")
def test_peak_memory_is_that_of_the_process_that_works() -> None:
    hoard = np.ones(2**28, dtype=np.uint8)  # 256 MiB that are ours, not the other process's
    with untrained_runs(SMALL) as runs, photographs(2) as folder:
        path = runs["bare"].path
        found = peak("explain", path, folder, 2, 1)
        with pytest.raises(BenchError, match="the measured process failed"):
            peak("explain", path / "none", folder, 2, 1)
    ours = int(STATUS.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1024
    assert 50 < found < ours - 100
    assert hoard[-1] == 1


def test_the_command_writes_compares_and_flags_what_became_worse(tmp_path: Path) -> None:
    now, before = tmp_path / "now.json", tmp_path / "before.json"
    result = CliRunner().invoke(__main__.app, ["bench", "explain", *OPTIONS, "--out", str(now)])
    assert result.exit_code == 0, result.output
    assert "explain.one" in result.stdout and "interval" in result.stdout
    document = json.loads(now.read_text(encoding="utf-8"))
    (found,) = document["costs"]
    assert read_report(now).costs[0].name == found["name"] == "explain.one"

    found["value"] = found["low"] = found["high"] = 1e-3  # explanations that once cost next to nothing
    before.write_text(json.dumps(document), encoding="utf-8")
    result = CliRunner().invoke(__main__.app, ["bench", "explain", *OPTIONS, "--against", str(before)])
    assert result.exit_code == 1
    assert "worse" in result.stdout
    assert result.stderr.splitlines()[-1] == f"worse than in {before}: explain.one"

    result = CliRunner().invoke(__main__.app, ["bench", "explain", *OPTIONS, "--out", str(now)])
    assert result.exit_code == 1 and "already exists" in result.stderr
    assert CliRunner().invoke(__main__.app, ["bench", "nothing"]).exit_code == 2


def test_data_are_read_by_each_of_the_three(tmp_path: Path) -> None:
    trees.classes(tmp_path / "own", each=2)
    before = os.environ.get("FISA_CACHE")
    for settings in (SMALL, replace(SMALL, data="folder", root=str(tmp_path / "own"))):
        report = run_bench([BENCHES["data"]], settings)
        found = {each.name: each for each in report.costs}
        assert list(found) == ["data.pillow", "data.torchvision", "data.drafted", "data.again", "data.reopened"]
        count = 16 if settings.data else 20
        assert f"{count} files of folder to batches" in found["data.pillow"].what
        # One timing of the first epoch serves all: a later epoch is beside it, and so is it beside the others.
        assert found["data.again"].to == found["data.pillow"].of == found["data.torchvision"].of
    assert os.environ.get("FISA_CACHE") == before


def test_generated_photographs_have_as_many_bytes_as_real_ones(tmp_path: Path) -> None:
    draw_photographs(tmp_path, 9)
    files = sorted(tmp_path.rglob("*.jpg"))
    assert len(files) == 9 and len({file.read_bytes() for file in files}) == 9
    assert [decode(file).shape for file in files[:2]] == [(480, 640, 3)] * 2
    # The 467 of OASIS: 0.46 bytes a pixel.
    assert np.mean([file.stat().st_size for file in files]) / (480 * 640) == pytest.approx(0.46, abs=0.05)


def test_data_without_files_are_refused(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.npz"
    np.savez(vectors, features=np.zeros((9, 3)), labels=np.eye(6)[np.arange(9) % 6])
    with pytest.raises(BenchError, match="bench data: features is not made of image files"):
        run_bench([BENCHES["data"]], replace(SMALL, data="features", root=str(vectors)))
    assert CliRunner().invoke(__main__.app, ["bench", "data", "--data", "oasis"]).exit_code == 2
