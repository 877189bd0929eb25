"""``data``, ``evaluate`` and ``report``: what goes to standard output, what to standard error, with which status."""

import io
import shutil
from pathlib import Path

import pandas as pd
import pytest
from calling import fisa, refusal

from fisa.datasets import open_dataset
from fisa.runs import load_run


class TestData:
    def test_list(self) -> None:
        result = fisa("data", "list")
        assert result.exit_code == 0
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("planted-tiny")]
        assert "train 160" in line
        assert open_dataset("planted-tiny").version in line

    def test_show_sums_the_manifest(self) -> None:
        result = fisa("data", "show", "planted-tiny")
        assert result.exit_code == 0
        manifest = open_dataset("planted-tiny").manifest
        lines = result.stdout.splitlines()
        degree, votes = (line.split()[-1] for line in lines if line.startswith("awe"))
        assert float(degree) == pytest.approx(manifest["awe"].mean(), abs=5e-5)
        assert int(votes) == round(manifest["awe"].sum() * 10)  # ten raters an image

    def test_refusals(self, tmp_path: Path) -> None:
        assert "unknown data set 'plant'; there are planted" in refusal(fisa("data", "show", "plant"))
        assert "leave its root away" in refusal(fisa("data", "show", "planted", tmp_path))


class TestEvaluate:
    def test_prints_the_runs_own_measures(self, tiny_runs: Path) -> None:
        result = fisa("evaluate", tiny_runs / "cnn", "--format", "csv")
        assert result.exit_code == 0
        rows = pd.read_csv(io.StringIO(result.stdout)).set_index("system")
        stored = load_run(tiny_runs / "cnn").metrics
        assert rows.loc["cnn", "kl"] == pytest.approx(stored["measures"]["kl"], abs=1e-6)
        assert rows.loc["cnn", "score"] == pytest.approx(stored["score"], abs=1e-6)
        assert "truth" in rows.index

    def test_another_split_gives_other_rows(self, tiny_runs: Path) -> None:
        result = fisa("evaluate", tiny_runs / "cnn", "--split", "validation", "--format", "csv")
        rows = pd.read_csv(io.StringIO(result.stdout)).set_index("system")
        assert (rows.loc["cnn", "split"], rows.loc["cnn", "n"]) == ("validation", 40)

    def test_refusals(self, tiny_runs: Path, tmp_path: Path) -> None:
        assert "no such run folder" in refusal(fisa("evaluate", tmp_path / "nowhere"))
        assert "no split 'tset'" in refusal(fisa("evaluate", tiny_runs / "cnn", "--split", "tset"))
        assert "unknown data set" in refusal(fisa("evaluate", tiny_runs / "cnn", "--data", "nothing"))


class TestReport:
    def test_all_that_ships_by_default(self, tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FISA_ARTIFACTS", str(tiny_runs))
        result = fisa("report", "--format", "csv")
        assert result.exit_code == 0
        rows = pd.read_csv(io.StringIO(result.stdout))
        assert set(rows["system"]) == {"constant", "palette", "additive", "pairwise", "truth", "fisa", "cnn"}

    def test_runs_elsewhere_stand_beside_those_named(
        self, tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FISA_ARTIFACTS", str(tmp_path))
        shutil.copytree(tiny_runs / "cnn", tmp_path / "theirs" / "other")
        result = fisa("report", tiny_runs / "fisa", "--artifacts", tmp_path / "theirs", "--format", "csv")
        assert result.exit_code == 0
        systems = set(pd.read_csv(io.StringIO(result.stdout))["system"])
        assert {"fisa", "other"} <= systems and "cnn" not in systems
        assert refusal(fisa("report", "--artifacts", tmp_path / "no")).startswith(f"{tmp_path / 'no'}: no runs here")

    @pytest.mark.parametrize(("form", "mark"), [("markdown", "| system"), ("latex", r"\toprule"), ("html", "<table>")])
    def test_formats(self, tiny_runs: Path, form: str, mark: str) -> None:
        result = fisa("report", tiny_runs / "fisa", tiny_runs / "cnn", "--format", form)
        assert result.exit_code == 0
        assert mark in result.stdout
        assert load_run(tiny_runs / "cnn").digest in result.stdout

    def test_a_broken_run_is_named_and_the_rest_reported(self, tiny_runs: Path, tmp_path: Path) -> None:
        result = fisa("report", tiny_runs / "cnn", tmp_path / "nowhere")
        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            f"{tmp_path / 'nowhere'}: no such run folder; `python -m fisa train` makes one"
        ]
        assert "| cnn" in result.stdout

    def test_nothing_to_report(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FISA_ARTIFACTS", str(tmp_path))
        assert refusal(fisa("report")).startswith(f"{tmp_path}: no runs here")
