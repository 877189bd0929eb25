"""The command line: help, wrong usage and progress."""

import subprocess
import sys
from pathlib import Path

import pytest
from calling import fisa, refusal

ROOT = Path(__file__).parent.parent


COMMANDS = (
    ["data", "list"],
    ["data", "show"],
    ["data", "check"],
    ["train"],
    ["import"],
    ["evaluate"],
    ["predict"],
    ["explain"],
    ["grade"],
    ["report"],
    ["retrieve"],
    ["shifts"],
    ["familiarity"],
    ["bench"],
)


class TestUsage:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_help_has_an_example(self, command: list[str]) -> None:
        result = fisa(*command, "--help")
        assert result.exit_code == 0
        assert "Example: python -m fisa " + " ".join(command) in " ".join(result.stdout.split())

    @pytest.mark.parametrize(
        "arguments",
        [
            ["no-such-command"],
            ["predict"],
            ["predict", "run"],
            ["predict", "run", "photos", "--batch-size", "0"],
            ["predict", "run", "photos", "--workers", "-1"],
            ["predict", "run", "photos", "--resume"],
            ["predict", "run", "photos", "--out", "table.xlsx"],
            ["train", "config.yaml", "--no-such-option"],
            ["report", "--format", "word"],
        ],
        ids=" ".join,
    )
    def test_wrong_usage_is_status_2(self, arguments: list[str]) -> None:
        result = fisa(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Usage:" in result.stderr

    @pytest.mark.parametrize(
        "arguments",
        [["grade", "run"], ["shifts", "run"], ["bench", "train"], ["ratings", "oasis", "photos"]],
        ids=" ".join,
    )
    def test_where_the_result_cannot_go_is_said_before_the_work(self, arguments: list[str], tmp_path: Path) -> None:
        (tmp_path / "there.json").write_text("of hours")
        out = tmp_path / "there.json"
        told = f"{out}: already exists; name another --out, nothing is overwritten"
        assert refusal(fisa(*arguments, "--out", out)) == told and out.read_text() == "of hours"
        out = tmp_path / "there.json" / "of" / "x.json"
        told = f"{out}: the folder {out.parent} cannot be made (Not a directory); name another --out"
        assert refusal(fisa(*arguments, "--out", out)) == told

    def test_the_folder_for_a_result_is_made(self, tmp_path: Path) -> None:
        out = tmp_path / "of" / "today" / "x.json"
        refusal(fisa("grade", tmp_path / "no-run", "--out", out))
        assert out.parent.is_dir() and not out.exists()

    def test_as_a_process(self) -> None:
        done = subprocess.run([sys.executable, "-m", "fisa", "--help"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0
        assert "predict" in done.stdout


class TestProgress:
    def test_a_long_phase_is_told_with_an_estimate(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from fisa.commands import terminal

        now = 0.0
        monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
        with terminal.Meter("train") as meter:
            for now in (10.0, 20.0, 40.0, 50.0):
                meter(int(now), 100)
        # Silent for half a minute; then 40 of 100 in 40 s leave 60 s.
        assert capsys.readouterr().err.splitlines() == ["train: 40 of 100, about 60 s left"]
        assert capsys.readouterr().out == ""

    def test_counting_is_told_before_the_total_is_known(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from fisa.commands import terminal

        now = 0.0
        monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
        with terminal.Meter("predict") as meter:
            for now in (10.0, 40.0, 50.0):
                meter(int(now) * 1000, 0)
            for now in (60.0, 100.0):
                meter(int(now) - 55, 90)
        # The second phase counts from 60 s: 45 of 90 in the 40 s since then leave 40 s.
        assert capsys.readouterr().err.splitlines() == [
            "predict: 40000 found so far",
            "predict: 45 of 90, about 40 s left",
        ]
