"""``report --html``: one offline page of a run or of several, with the numbers of the library."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from offline import Page
from typer.testing import CliRunner
from variants import variant

from fisa.__main__ import app
from fisa.config import flat
from fisa.config.differences import differences
from fisa.evaluation import open_test_split, per_sample
from fisa.export import ExportError, report, report_page
from fisa.metrics import METRICS
from fisa.runs import load_run
from fisa.studies.pairs import title_of
from fisa.studies.statistics import hierarchical_difference


def fisa(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_page_of_two_runs(tiny_runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    asked = ("report", tiny_runs / "fisa", tiny_runs / "cnn", "--html", out)
    result = fisa(*asked)
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    page = Page(out.read_text(encoding="utf-8"))
    page.check_offline()
    runs = [load_run(tiny_runs / name) for name in ("fisa", "cnn")]
    dataset = open_test_split(runs[0])
    first, second = (per_sample(run.predictions, dataset) for run in runs)
    gap = hierarchical_difference([second["kl_truth"]], [first["kl_truth"]])
    rows = [row for row in page.rows if row and row[0] == "KL(p‖q) ↓"]
    assert rows[0][1].startswith(f"{first['kl_truth'].mean():.4f} [")
    assert rows[1][1] == f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], p {gap.p:.4f}"
    assert sum(name == "strong" for name, _ in page.elements) > len(METRICS)  # the best of every measure, and the run
    worst = dataset.manifest["id"].iloc[int(first["kl_truth"].argmax())]
    assert page.text.index("Where fisa errs most") < page.text.index(worst)
    assert f"fisa {first['kl_truth'].max():.3f}" in page.text
    assert ["model.name", "fisa", "cnn"] in page.rows
    assert "truth (oracle)" in {row[0] for row in page.rows if row}  # what metrics pages show, too
    assert sum(name == "img" for name, _ in page.elements) == 3 + 2 * 6  # gap, errors, curves; images with bars
    for run in runs:
        assert f"{run.name} (digest {run.digest})" in page.text
    assert "already exists" in fisa(*asked).stderr


def test_page_of_one_run_of_photographs(photograph_runs: Path) -> None:
    page = Page(report_page([load_run(photograph_runs / "cnn")], "a <b>command</b>"))
    page.check_offline()
    assert "a <b>command</b>" in page.text and "What differs" not in page.text
    assert any("(theirs)" in row[0] for row in page.rows if row)  # what others report for Emotion6
    assert "Published for emotion6" in page.text


def test_two_runs_of_one_name_are_told_apart(tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "WORST", 1)
    shutil.copytree(tiny_runs / "fisa", tmp_path / "cnn")  # another run, named as one that is there
    paths = [tiny_runs / "cnn", tmp_path / "cnn"]
    page = Page(report_page([load_run(path) for path in paths], ""))
    assert ["model.name", "cnn", "fisa"] in page.rows
    assert ["setting", *map(str, paths)] in page.rows and f"{paths[1]} − {paths[0]}" in page.text


def test_what_cannot_be_made_is_refused(tiny_runs: Path, tmp_path: Path) -> None:
    run = load_run(tiny_runs / "cnn")
    with pytest.raises(ExportError, match="1 to 4 runs, not 5"):
        report_page([run] * 5, "")
    (tmp_path / "file.json").write_text("{}", encoding="utf-8")
    result = fisa("report", tmp_path / "file.json", "--html", tmp_path / "out.html")
    assert result.exit_code == 1 and "is no run folder" in result.stderr
    assert not (tmp_path / "out.html").exists()


def test_other_seeds_in_the_folder_of_a_run_count_with_it(
    tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "WORST", 1)
    for name in ("fisa", "cnn"):
        shutil.copytree(tiny_runs / name, tmp_path / name)
    other = variant(tiny_runs / "fisa", tmp_path / "fisa-1", 1, training={"seed": 1})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.yaml").write_text("{", encoding="utf-8")
    page = Page(report_page([load_run(tmp_path / name) for name in ("fisa", "cnn")], ""))
    dataset = open_test_split(other)
    means = [per_sample(run.predictions, dataset)["kl_truth"].mean() for run in (load_run(tmp_path / "fisa"), other)]
    row = next(row for row in page.rows if row and row[0] == "KL(p‖q) ↓")
    assert row[1] == f"{np.mean(means):.4f} ± {np.std(means, ddof=1):.4f}"
    assert ["training seeds", "n = 2", "n = 1, no ±"] in page.rows


def test_differences_of_configurations_and_titles_of_measures(tiny_runs: Path) -> None:
    assert flat({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == {"a.b": 1, "a.c.d": 2, "e": 3}
    fisa_run, cnn = (load_run(tiny_runs / name) for name in ("fisa", "cnn"))
    found = differences([fisa_run.config, cnn.config])
    assert found["model.name"] == ["fisa", "cnn"] and found["model.heads"] == ["4", "–"]
    assert "name" not in found and "training.epochs" not in found
    assert title_of("cosine") == "Cosine ↑" and title_of("kl_truth") == "KL(p‖q) ↓"
