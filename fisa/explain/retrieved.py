"""How well the embeddings of several runs retrieve, in one comparison table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fisa.explain.retrieval import Criterion, Retrieval
from fisa.metrics import paired_bootstrap
from fisa.runs import Run
from fisa.studies.columns import RETRIEVAL_COLUMNS
from fisa.studies.comparison import StudyError
from fisa.studies.rated import with_bounds

CHANCE = "random order"
UNTRAINED = "untrained"
SHORT = {"fc": "FC", "class_features": "class features", "sentiment_vector": "SV"}
"""Names of embeddings behind those of runs."""


@dataclass(frozen=True, eq=False)
class Found:
    """What the embeddings of one run retrieve.

    Attributes:
        name: Of the run, or ``UNTRAINED``.
        run: Whose data they are of.
        retrieved: Embedding -> what it retrieves.
        trained: Whether the weights are the run's own.
    """

    name: str
    run: Run
    retrieved: Mapping[str, Retrieval]
    trained: bool = True


def named(runs: Sequence[Run], taken: Sequence[str] = ()) -> dict[str, Run]:
    """Return runs of one data set by the names of their folders, or of their systems where folders are called by seeds.

    Raises:
        StudyError: Two have one name either way, or one has a name that is ``taken``; or runs are of different data.
    """
    own, systems = [run.name for run in runs], [run.config.name for run in runs]
    names = own if len(set(own)) == len(runs) else systems
    clash = next((name for place, name in enumerate(names) if name in (*taken, *names[:place])), None)
    if clash is not None:
        raise StudyError(
            f"{runs[names.index(clash)].path}: its name {clash!r} is taken; copy it to a folder of another name"
        )
    places = {(run.metrics["data"], run.metrics["data_version"], run.metrics["split"]) for run in runs}
    if len(places) > 1:
        told = "; ".join(" ".join(place) for place in sorted(places))
        raise StudyError(f"runs of different test images cannot be compared ({told}); name runs of one of these")
    return dict(zip(names, runs, strict=True))


def retrieval_table(found: Sequence[Found], by: Criterion | None = None, notes: Sequence[str] = ()) -> pd.DataFrame:
    """Return a comparison table of every embedding of several runs, from worst to best, beside a random order.

    Args:
        found: Of one data set; see :func:`named`.
        by: The only criterion of the table; by default all.
        notes: What stands below the table.
    """
    systems = {_called(each, name): retrieval for each in found for name, retrieval in each.retrieved.items()}
    rows = {name: _values(retrieval) for name, retrieval in systems.items()}
    ranked = sorted(rows, key=lambda name: rows[name]["map_emotion"])
    best = systems[ranked[-1]].precisions["emotion"]
    asked = ~np.isnan(best)
    for name in ranked[:-1]:
        rows[name] |= with_bounds("map_gap", paired_bootstrap(systems[name].precisions["emotion"][asked], best[asked]))
    first = next(iter(systems.values()))
    chance = {f"map_{key}": score.mean_average_precision_chance for key, score in first.scores.items()}
    chance |= {f"precision_{key}": score.precision_chance for key, score in first.scores.items()}
    table = pd.DataFrame(
        [
            {"system": CHANCE, "kind": "baseline", **chance},
            *({"system": name, "kind": "run", **rows[name]} for name in ranked),
        ]
    )
    keys = [key for key in RETRIEVAL_COLUMNS if by is None or key.endswith(by)]
    gap = ["map_gap"] if by != "polarity" else []
    order = [key + end for key in (*gap, *keys) for end in ("", "_low", "_high")]
    table = table[["system", "kind", *(key for key in order if key in table)]]
    metrics = found[0].run.metrics
    digests = {_called(each, name): each.run.digest for each in found if each.trained for name in each.retrieved}
    table.attrs = {
        "data": metrics["data"],
        "data_version": metrics["data_version"],
        "split": metrics["split"],
        "n": len(first.ids),
        "runs": digests,
        "notes": [*notes, *collapse_notes(systems)],
    }
    return table


def collapse_notes(found: Mapping[str, Retrieval]) -> list[str]:
    """Say which of several embeddings, by name, may have collapsed."""
    return [
        f"{name}: all vectors point nearly the same way, with a mean cosine of {each.likeness:.5f}; it may have "
        "collapsed to one point."
        for name, each in found.items()
        if each.collapsed
    ]


def queries_frame(found: Sequence[Found]) -> pd.DataFrame:
    """Return one row a query: id, and ``<system> by <criterion>``, its average precision; NaN: nothing is relevant."""
    frame = pd.DataFrame({"id": next(iter(found[0].retrieved.values())).ids})
    for each in found:
        for name, retrieval in each.retrieved.items():
            for by, values in retrieval.precisions.items():
                frame[f"{_called(each, name)} by {by}"] = values.astype(np.float32)
    return frame


def _called(found: Found, embedding: str) -> str:
    return f"{found.name} {SHORT[embedding]}"


def _values(retrieval: Retrieval) -> dict[str, float]:
    values: dict[str, float] = {}
    for by, score in retrieval.scores.items():
        values |= with_bounds(f"map_{by}", score.mean_average_precision)
        values |= with_bounds(f"precision_{by}", score.precision)
    return values
