"""What a study says of the claims that its file names: borne out, contradicted, or left open, and by how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fisa.config.study import StudyConfig, System
from fisa.language import mark
from fisa.metrics import METRICS
from fisa.studies.comparison import RATED, StudyError
from fisa.studies.errors import TITLES, Errors, compared_by
from fisa.studies.results import StudyResults
from fisa.studies.statistics import Difference, hierarchical_difference, holm

LEVEL = 0.05
BORNE_OUT, CONTRADICTED, OPEN = mark("borne out"), mark("contradicted"), mark("left open")
UNKNOWN = mark("not known yet")
DIVERGED = mark("not decided, as a cell diverged")


def check_claims(study: StudyConfig, systems: Iterable[System]) -> None:
    """Refuse a claim about what no sample has.

    Raises:
        StudyError: Its measure is none of ``METRICS``, or the systems predict valence and arousal, which have none.
    """
    rated = any(system.document.get("task") == RATED for system in systems)
    for claim in study.claims:
        if claim.measure is not None and rated:
            raise StudyError(
                f"study {study.name}: claims: {claim.measure!r} is a measure of distributions, and valence and arousal "
                "are compared by their squared error; leave it away"
            )
        if claim.measure is not None and claim.measure not in METRICS:
            raise StudyError(
                f"study {study.name}: claims: {claim.measure!r} is no measure of a sample; "
                f"leave it away, or name one of {', '.join(METRICS)}"
            )


def verdicts(results: StudyResults, measured: pd.DataFrame | None) -> pd.DataFrame:
    """Decide on every claim of a study.

    A side is the mean over its systems, sample by sample, of as many seeds as each of them has. The difference is that
    of the side said to be worse less that of the other, signed so that a positive one speaks for the claim. It is borne
    out or contradicted where p is below 5 % after Holm over all claims of the study, and else left open, which is not
    to say that there is no difference. A system of which a cell diverged has no mean, and so decides nothing.

    Args:
        results: The study.
        measured: From :func:`fisa.studies.errors.measure`; None where the data could not be had.

    Returns:
        A row a claim: ``claim``, ``verdict``, ``measure`` (its title), ``difference`` with ``_low`` and ``_high`` (95 %
        intervals, not adjusted), ``p`` (adjusted), ``seeds`` (of the side with fewer), and the names of both sides,
        ``better`` and ``worse``.
    """
    cells = results.cells
    diverged = set(cells.loc[cells["state"] == "diverged", "system"])
    rows = [_row(results, claim, diverged) for claim in results.claims]
    keys = {_key(claim) for claim in results.claims}
    errors = {} if measured is None else {key: Errors.of(results, measured, key) for key in keys if key in measured}
    found = [
        (row, decided)
        for row, claim in zip(rows, results.claims, strict=True)
        if row["verdict"] == UNKNOWN and (decided := _difference(errors.get(_key(claim)), claim)) is not None
    ]
    for (row, (difference, seeds)), p in zip(found, holm([each.p for _, (each, _) in found]), strict=True):
        bounds = {"difference_low": difference.low, "difference_high": difference.high}
        row |= {"verdict": _verdict(difference.value, p), "difference": difference.value, **bounds}
        row |= {"p": p, "seeds": seeds}
    return pd.DataFrame(rows)


def told(rows: Iterable[Mapping[Any, Any]]) -> list[str]:
    """Write each row of :func:`verdicts` as a sentence."""
    return [_told(row) for row in rows]


def _row(results: StudyResults, claim: Mapping[str, Any], diverged: set[str]) -> dict[str, Any]:
    key = claim["measure"]
    verdict = DIVERGED if diverged & {*claim["better"], *claim["worse"]} else UNKNOWN
    title = TITLES[compared_by(results)] if key is None else METRICS[key].title
    empty = dict.fromkeys(("difference", "difference_low", "difference_high", "p"), np.nan)
    sides = {side: ", ".join(claim[side]) for side in ("better", "worse")}
    return {"claim": claim["says"], "verdict": verdict, "measure": title, **empty, "seeds": 0, **sides}


def _key(claim: Mapping[str, Any]) -> str:
    """Return the column of the measured errors that a claim is about."""
    return str(claim["measure"] or "error")


def _difference(errors: Errors | None, claim: Mapping[str, Any]) -> tuple[Difference, int] | None:
    """Return what speaks for a claim, and from how many seeds; None where a system or the measure is not there."""
    if errors is None:
        return None
    if any(name not in errors.tables for side in ("better", "worse") for name in claim[side]):
        return None
    better, worse = (_mean([errors.tables[name] for name in claim[side]]) for side in ("better", "worse"))
    if claim["measure"] is not None and METRICS[claim["measure"]].higher_is_better:
        better, worse = -better, -worse
    return hierarchical_difference(worse, better, errors.groups), min(len(better), len(worse))


def _mean(tables: Sequence[np.ndarray]) -> np.ndarray:
    seeds = min(map(len, tables))
    return np.asarray(np.mean([table[:seeds] for table in tables], axis=0))


def _verdict(value: float, p: float) -> str:
    if p >= LEVEL:
        return OPEN
    return BORNE_OUT if value > 0 else CONTRADICTED


def _told(row: Mapping[Any, Any]) -> str:
    sides = f"{row['worse']} against {row['better']}"
    if row["p"] != row["p"]:
        return f"Claim “{row['claim']}”: {row['verdict']} ({sides})."
    seeds = f"{row['seeds']} seeds" if row["seeds"] > 1 else "one seed, so that the interval says nothing of another"
    return (
        f"Claim “{row['claim']}”: {row['verdict']}; {row['measure']}, in its favour: {row['difference']:+.4f} "
        f"[{row['difference_low']:+.4f}, {row['difference_high']:+.4f}], p {row['p']:.4f} after Holm "
        f"({sides}; {seeds})."
    )
