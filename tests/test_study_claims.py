"""Verdicts on the claims of a study, from errors whose every difference is worked by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_study import written

from fisa.config import ConfigError
from fisa.config.study import load_study
from fisa.studies import StudyError
from fisa.studies.claims import check_claims, told, verdicts
from fisa.studies.results import StudyResults

BASE = np.array([0.2, 0.4, 0.1, 0.3, 0.5, 0.6, 0.2, 0.9])
ERRORS = {
    "a": [BASE, BASE],
    "b": [BASE + 1, BASE + 1],  # worse than a on every sample, by 1
    "c": [BASE + 2],
    "wavers": [BASE + np.tile([0.5, -0.5], 4)],  # as far above a as below it
}


def claim(better: str, worse: str, measure: str | None = None) -> dict[str, Any]:
    says = f"{better} is better than {worse}"
    return {"says": says, "better": better.split("+"), "worse": worse.split("+"), "measure": measure}


def results(*claims: dict[str, Any]) -> StudyResults:
    rows = [
        {"where": f"{system}/{seed}", "system": system, "trial": np.nan, "seed": seed, "fold": 0, "state": "finished"}
        for system, seeds in ERRORS.items()
        for seed in range(len(seeds))
    ]
    empty = pd.DataFrame()
    return StudyResults(
        name="claimed",
        reference="a",
        systems=tuple(ERRORS),
        runs=pd.DataFrame(rows),
        history=empty,
        predictions=empty,
        configs={},
        metrics={"score": 0.5},
        choices={},
        looks=(),
        speeds={},
        claims=claims,
    )


MEASURED = pd.concat(
    [
        pd.DataFrame({"where": f"{system}/{seed}", "error": errors, "cosine": 1 - errors / 4, "group": None})
        for system, seeds in ERRORS.items()
        for seed, errors in enumerate(seeds)
    ],
    ignore_index=True,
)
SMALLEST = 2 / 4001
"""Twice one in 4,001: no bootstrap sample lay on the other side of 0."""


def test_a_claim_is_borne_out_contradicted_or_left_open() -> None:
    rows = verdicts(results(claim("a", "b"), claim("b", "a"), claim("a", "wavers")), MEASURED)
    assert rows["verdict"].tolist() == ["borne out", "contradicted", "left open"]
    assert rows["difference"].tolist() == pytest.approx([1, -1, 0])
    # Every sample differs by 1, so that every bootstrap sample does.
    assert rows.loc[0, ["difference_low", "difference_high"]].tolist() == pytest.approx([1, 1])
    # Holm: the smallest of three p values counts three times, and so does the next, as none falls below one before.
    assert rows["p"].tolist()[:2] == pytest.approx([3 * SMALLEST, 3 * SMALLEST])
    assert rows["seeds"].tolist() == [2, 2, 1]


def test_a_side_of_several_systems_is_their_mean() -> None:
    # (b + c) / 2 = a + 1.5 on every sample, of the one seed that c has.
    row = verdicts(results(claim("a", "b+c")), MEASURED).loc[0]
    assert row["difference"] == pytest.approx(1.5)
    assert (row["seeds"], row["worse"]) == (1, "b, c")


def test_of_a_measure_that_is_better_high_the_sign_turns() -> None:
    # The cosine of b is 1/4 smaller than that of a, which speaks for a.
    rows = verdicts(results(claim("a", "b", "cosine"), claim("b", "a", "cosine")), MEASURED)
    assert rows["difference"].tolist() == pytest.approx([0.25, -0.25])
    assert rows["verdict"].tolist() == ["borne out", "contradicted"]
    assert rows["measure"].tolist() == ["Cosine", "Cosine"]


@pytest.mark.parametrize("measured", [None, MEASURED.drop(columns="cosine"), MEASURED])
def test_what_is_not_there_decides_nothing(measured: pd.DataFrame | None) -> None:
    missing = claim("a", "gone") if measured is MEASURED else claim("a", "b", "cosine")
    rows = verdicts(results(missing), measured)
    assert rows["verdict"].tolist() == ["not known yet"]
    assert rows[["difference", "p"]].isna().all(axis=None)
    assert told(rows.to_dict("records")) == [
        f"Claim “{missing['says']}”: not known yet ({missing['worse'][0]} against a)."
    ]


def test_a_system_with_a_diverged_cell_decides_nothing() -> None:
    # Its other seed would bear the claim out, and p of the second claim would count twice.
    study = results(claim("a", "b"), claim("a", "c"))
    study.runs.loc[study.runs["where"] == "b/1", "state"] = "diverged"
    rows = verdicts(study, MEASURED)
    assert rows["verdict"].tolist() == ["not decided, as a cell diverged", "borne out"]
    assert rows["p"].tolist() == pytest.approx([np.nan, SMALLEST], nan_ok=True)
    assert told(rows.to_dict("records"))[0] == (
        "Claim “a is better than b”: not decided, as a cell diverged (b against a)."
    )


def test_a_verdict_reads_as_a_sentence() -> None:
    (sentence,) = told(verdicts(results(claim("a", "b")), MEASURED).to_dict("records"))
    assert sentence == (
        "Claim “a is better than b”: borne out; KL(p‖q), in its favour: +1.0000 [+1.0000, +1.0000], "
        "p 0.0005 after Holm (b against a; 2 seeds)."
    )


def test_a_claim_about_a_system_or_a_measure_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"study\.yaml: claims: there is no system 'cnm'; name some of fisa, cnn"):
        load_study(written(tmp_path, claims=[claim("fisa", "cnm")]))
    study, systems = load_study(written(tmp_path, claims=[claim("fisa", "cnn", "coseno")]))
    with pytest.raises(StudyError, match="study tiny: claims: 'coseno' is no measure of a sample; leave it away"):
        check_claims(study, systems)


def test_a_claim_about_a_measure_of_distributions_is_refused_where_ratings_are_predicted(tmp_path: Path) -> None:
    for measure in (None, "kl"):
        claims = [claim("fisa", "cnn", measure)]
        study, systems = load_study(written(tmp_path, claims=claims, set={"task": "valence_arousal"}, search=None))
        if measure is None:
            check_claims(study, systems)
            continue
        with pytest.raises(StudyError, match="'kl' is a measure of distributions, and valence and arousal"):
            check_claims(study, systems)


def test_the_shipped_studies_claim_what_they_can_decide() -> None:
    folder = Path(__file__).parents[1] / "configs" / "studies"
    claimed = {}
    for file in sorted(folder.glob("*.yaml")):
        study, systems = load_study(file)
        check_claims(study, systems)
        claimed[file.stem] = len(study.claims)
    assert min(claimed[name] for name in ("draft", "ew-mtcnn", "systems")) > 0
