"""``train`` and ``import``: what goes to standard output, what to standard error, and with which exit status."""

from pathlib import Path

import pytest
import torch
import yaml
from calling import fisa, refusal

from fisa.runs import REQUIRED, load_run
from fisa.runs.format import read_digests, write_digests


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that trains in seconds."""
    file = tmp_path / "tiny.yaml"
    document = {
        "name": "tiny",
        "data": {"name": "planted-tiny", "image_size": 64},  # as tiny_runs, whose images are drawn already
        "model": {"name": "cnn", "backbone": {"name": "plain", "width": 8, "depth": 0}},
        "training": {"epochs": 1},
    }
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


class TestTrain:
    def test_makes_a_run_and_prints_its_path(self, config: Path, tmp_path: Path) -> None:
        out = tmp_path / "runs" / "first"
        result = fisa("train", config, "--out", out, "--set", "training.epochs=2", "--set", "training.lr=1e-3")
        assert result.exit_code == 0
        assert result.stdout == f"{out}\n"
        assert "epoch 2 of 2" in result.stderr
        run = load_run(out)
        assert (run.config.training.epochs, run.config.training.lr) == (2, 1e-3)
        assert run.metrics["data"] == "planted-tiny"
        assert run.map is not None

    def test_without_out_it_numbers_runs(self, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FISA_RUNS", str(tmp_path / "shelf"))
        (tmp_path / "shelf" / "tiny-1").mkdir(parents=True)
        assert fisa("train", config).stdout == f"{tmp_path / 'shelf' / 'tiny-2'}\n"

    def test_existing_run_is_kept(self, config: Path, tiny_runs: Path) -> None:
        before = {path: path.read_bytes() for path in (tiny_runs / "cnn").iterdir()}
        line = refusal(fisa("train", config, "--out", tiny_runs / "cnn"))
        assert line.startswith(f"{tiny_runs / 'cnn'}: already exists; choose another --out")
        assert {path: path.read_bytes() for path in (tiny_runs / "cnn").iterdir()} == before

    def test_resume_goes_on_or_says_that_it_is_finished(self, config: Path, tmp_path: Path) -> None:
        out = tmp_path / "run"
        assert fisa("train", config, "--resume").exit_code == 2
        assert fisa("train", config, "--out", out, "--resume").exit_code == 0
        assert "already finished; there is nothing to resume" in refusal(
            fisa("train", config, "--out", out, "--resume")
        )
        # As if it had been killed between the training and the map.
        write_digests(out, {name: digest for name, digest in read_digests(out).items() if name in REQUIRED})
        assert fisa("train", config, "--out", out, "--resume").exit_code == 0
        assert load_run(out).map is not None

    def test_begins_with_the_weights_of_another_run(self, config: Path, tiny_runs: Path, tmp_path: Path) -> None:
        out, source = tmp_path / "run", tiny_runs / "cnn"
        assert "its backbone is another one" in refusal(fisa("train", config, "--out", out, "--init-from", source))
        same = source / "config.yaml"
        once = ("--set", "training.epochs=1")
        assert fisa("train", same, "--out", out, "--init-from", source, *once).exit_code == 0
        told = load_run(tmp_path / "run").provenance["init_from"]
        assert told == {"run": "cnn", "digest": load_run(tiny_runs / "cnn").digest, "left": []}

    def test_begins_with_the_mean_of_two_runs(self, tiny_runs: Path, tmp_path: Path) -> None:
        first, second, out = tiny_runs / "cnn", tmp_path / "second", tmp_path / "mean"
        same = ("train", first / "config.yaml", "--set", "training.epochs=1")
        assert fisa(*same, "--out", second, "--init-from", first).exit_code == 0
        both = ("--init-from", first, "--init-from", second)
        # At this rate one epoch changes no weight by more than a few millionths: what is stored is the mean.
        assert fisa(*same, "--out", out, *both, "--set", "training.lr=1e-7").exit_code == 0
        told = load_run(out).provenance["init_from"]
        assert told["mean_with"] == [{"run": "second", "digest": load_run(second).digest}]
        found, one, other = (load_run(path).model.state_dict()["classifier.weight"] for path in (out, first, second))
        assert torch.allclose(found, (one + other) / 2, atol=1e-5) and not torch.allclose(found, one, atol=1e-3)
        assert "has no mean of weights" in refusal(
            fisa(*same, "--out", tmp_path / "x", *both, "--init-from", tiny_runs / "fisa")
        )

    def test_configuration_is_refused_before_anything_is_written(self, config: Path, tmp_path: Path) -> None:
        out = tmp_path / "run"
        unknown = fisa("train", config, "--out", out, "--set", "training.epoch=2")
        assert refusal(unknown) == f"{config}: unknown key 'training.epoch'"
        assert "training.lr" in refusal(fisa("train", config, "--out", out, "--set", "training.lr=-1"))
        assert "expected section.key=value" in refusal(fisa("train", config, "--out", out, "--set", "training.lr"))
        assert "missing.yaml: cannot be read" in refusal(fisa("train", tmp_path / "missing.yaml", "--out", out))
        (tmp_path / "broken.yaml").write_text("name: [", encoding="utf-8")
        assert "broken.yaml: not valid YAML" in refusal(fisa("train", tmp_path / "broken.yaml", "--out", out))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.yaml", "tiny.yaml"]


class TestImport:
    def test_makes_a_run_of_a_state_dict(self, config: Path, tiny_runs: Path, tmp_path: Path) -> None:
        weights = tiny_runs / "cnn" / "model.safetensors"
        result = fisa("import", weights, "--config", tiny_runs / "cnn" / "config.yaml", "--out", tmp_path / "run")
        assert result.exit_code == 0 and result.stdout == f"{tmp_path / 'run'}\n"
        run = load_run(tmp_path / "run")
        assert run.metrics == load_run(tiny_runs / "cnn").metrics and run.map is not None

    def test_refusals(self, config: Path, tiny_runs: Path, tmp_path: Path) -> None:
        weights = tiny_runs / "fisa" / "model.safetensors"
        line = refusal(
            fisa("import", weights, "--config", tiny_runs / "cnn" / "config.yaml", "--out", tmp_path / "run")
        )
        assert "classifier.weight is missing" in line and "more" in line
        assert "cannot be read" in refusal(
            fisa("import", tmp_path / "none.pt", "--config", config, "--out", tmp_path / "run")
        )
        assert not (tmp_path / "run").exists()
