"""Figures that documents and headers of configurations quote of what ships, against what that holds."""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fisa.studies.summary import is_study, load_results
from fisa.studies.tables import MEASURES, PRIMARY, study_table

ROOT = Path(__file__).parent.parent
METHODS = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("run", sorted(ROOT.glob("artifacts/*/metrics.json")), ids=lambda file: file.parent.name)
def test_the_header_of_a_configuration_says_what_its_shipped_run_took_and_reached(run: Path) -> None:
    header = (ROOT / "configs" / f"{run.parent.name}.yaml").read_text(encoding="utf-8")
    took, reached = re.search(r"^# Took (\d+) min .*; score (-?\d\.\d{3}) on planted iid\.$", header, re.M).groups()  # type: ignore[union-attr]
    about = json.loads((run.parent / "provenance.json").read_text(encoding="utf-8"))
    assert int(took) == round(about["seconds"] / 60)
    assert float(reached) == round(json.loads(run.read_text(encoding="utf-8"))["score"], 3)
    assert f"--out artifacts/{run.parent.name}" in header


QUOTED = r"(?<![\w.])-?\d?\.\d{2,}\b"


def same(quoted: str, value: float) -> bool:
    return float(f"{value:.{len(quoted.partition('.')[2])}f}") == float(quoted)


class Numbers:
    """What may be quoted of artifacts: of each system, as values with their intervals, and of the whole."""

    def __init__(self, *parts: "Numbers") -> None:
        self.of: dict[str, list[float]] = {}
        self.intervals: list[tuple[float, ...]] = [each for part in parts for each in part.intervals]
        self.other: list[float] = [each for part in parts for each in part.other]
        for part in parts:
            for system, values in part.of.items():
                self.of.setdefault(system, []).extend(values)

    def differ(self, value: float, low: float, high: float, *more: float) -> None:
        """Add a difference, with its interval, as it is and from the other side."""
        self.intervals += [(value, low, high), (-value, -high, -low)]
        self.other += [value, -value, *more]

    def lacks(self, text: str) -> list[str]:
        """Return what a text quotes to two decimals or more and is not there; after a system's name, of that one."""
        text, lacking = text.replace("−", "-"), []

        def found(match: re.Match[str]) -> str:
            system, quoted = match.groupdict().get("system"), re.findall(QUOTED, match[0])
            pool = self.other if system is None else self.of[system]
            known = [any(same(number, each) for each in pool) for number in quoted]
            if len(quoted) == 3 and "[" in match[0]:
                known = [any(all(map(same, quoted, each)) for each in self.intervals)]
            if not all(known):
                lacking.append(match[0])
            return ""

        text = re.sub(rf"{QUOTED}\s\[{QUOTED},\s{QUOTED}\]", found, text)
        names = "|".join(sorted(map(re.escape, self.of), key=len, reverse=True)) or "(?!)"
        text = re.sub(rf"(?<![\w-])(?P<system>{names})`?(?:\s[|±]?\s?{QUOTED})+", found, text)
        re.sub(QUOTED, found, text)
        return lacking


@cache
def numbers(artifact: str) -> Numbers:
    folder, found = ROOT / "artifacts" / artifact, Numbers()
    if is_study(folder):
        results = load_results(folder)
        table = study_table(results)
        measures = [key for key in table.select_dtypes("number") if str(key).removesuffix("_std") in MEASURES]
        primary = next(key for key in PRIMARY if key in table)
        for row in table.to_dict("records"):
            found.of[row["system"]] = [row[key] for key in measures]
            found.other += [row[primary], row.get("step_kl", np.nan)]
        for row in [*table[table["kind"] == "run"].to_dict("records"), *table.attrs["claims"]]:
            found.differ(*(row[key] for key in ("difference", "difference_low", "difference_high", "p")))
            found.other.append(row.get("p_folds", np.nan))
        for name, choice in results.choices.items():
            found.other += [trial["validation"] for trial in choice["trials"] if name in found.of]
        of = results.history["where"].str.extract("^cells/([^/]+)/")[0]  # not of trials
        for (system, _), cells in results.history.groupby([of, "epoch"]):
            found.of[str(system)].append(cells["validation"].mean())
    elif (folder / "table.csv").exists():
        for row in pd.read_csv(folder / "table.csv").to_dict("records"):
            found.of[row["system"]] = [row[key] for key in row if f"{key}_low" in row]
            found.intervals += [(row[key], row[f"{key}_low"], row[f"{key}_high"]) for key in row if f"{key}_low" in row]
        for note in json.loads((folder / "notes.json").read_text(encoding="utf-8"))["notes"]:
            if re.search(r" less (the constant's|that of [\w-]+):", note):
                found.differ(*map(float, re.findall(r"[-+]\d\.\d+", note)))
    else:
        found.other.append(json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["score"])
        grades = json.loads((folder / "grades.json").read_text(encoding="utf-8"))
        hit, r = grades["localisation"], grades["contributions"]
        bounds = r["intervals"]["r"] if "intervals" in r else (r["low"], r["high"])
        found.intervals += [(hit["hit"], hit["low"], hit["high"]), (r["r"], *bounds)]
    return found


@pytest.mark.parametrize("name", [file.stem for file in sorted(ROOT.glob("configs/studies/*.yaml"))])
def test_the_header_of_a_study_says_what_its_table_holds(name: str) -> None:
    header = (ROOT / "configs" / "studies" / f"{name}.yaml").read_text(encoding="utf-8").partition("name:")[0]
    results = load_results(ROOT / "artifacts" / "studies" / name)
    key = "kl" if results.metrics["score"] is None else "kl_truth"
    means = results.cells.groupby("system")[key].mean()
    said = {system: float(number) for system, number in re.findall(r"([a-z0-9.-]+) (\d\.\d{3})", header)}
    known = {system: number for system, number in said.items() if system in means}
    assert known and known == {system: round(float(means[system]), 3) for system in known}
    rest = re.sub(rf"({'|'.join(map(re.escape, known))}) {QUOTED}", "", header)
    assert not re.search(QUOTED, rest) or numbers(f"studies/{name}").lacks(header.replace("\n# ", " ")) == []
    assert int(re.search(r"(\d+) runs", header)[1]) == len(results.runs)  # type: ignore[index]


@pytest.mark.parametrize("file", sorted(ROOT.glob("configs/ratings/*.yaml")), ids=lambda file: file.stem)
def test_the_header_of_a_rated_system_says_what_it_reached(file: Path) -> None:
    header = file.read_text(encoding="utf-8").partition("name:")[0]
    assert re.search(rf"ratings: {file.stem} 0\.\d{{3}}, a constant 0\.\d{{3}}\.", header)
    (study,) = re.findall(r"artifacts/studies/[\w-]+", header)
    assert numbers(study.removeprefix("artifacts/")).lacks(header) == []


# A whole section, or a paragraph that begins so. Rows marked † are figures of others.
PASSAGES = (
    "### 17.2 ",
    "What becomes of the claim on scenes",
    "**What each modality is worth**",
    "**The rows of the source**",
    "### 18.11 ",
    "### 18.12 ",
    "### 18.13 ",
)


def passage(begins: str) -> str:
    text = METHODS[METHODS.index(f"\n{begins}") + 1 :].partition("\n#" if begins.startswith("#") else "\n\n")[0]
    return re.sub(r".* † \|.*", "", text)


def quotable(text: str) -> Numbers:
    return Numbers(*map(numbers, sorted(set(re.findall(r"`artifacts/((?:studies/)?[\w-]+)`?", text)))))


@pytest.mark.parametrize("begins", PASSAGES)
def test_what_the_document_quotes_of_shipped_results_is_what_they_hold(begins: str) -> None:
    text = passage(begins)
    assert len(re.findall(QUOTED, text)) > 5
    assert quotable(text).lacks(text) == []


@pytest.mark.parametrize(
    ("right", "wrong"), [("`words` .239", "`words` .226"), ("[.006, .026]", "[.007, .026]"), (".958", ".957")]
)
def test_a_result_that_is_quoted_wrongly_is_found(right: str, wrong: str) -> None:
    text = passage("### 17.2 ")
    assert right in text and len(quotable(text).lacks(text.replace(right, wrong))) == 1
