"""``retrieve``."""

from __future__ import annotations

from pathlib import Path

import typer

from fisa.commands.terminal import Meter
from fisa.explain.embeddings import EMBEDDINGS
from fisa.explain.retrieval import Criterion, Distance, Gallery, Retrieval, retrieve
from fisa.records import Interval
from fisa.runs import load_run
from fisa.studies import Format, format_rows


def print_retrieval(
    folder: Path, k: int, by: Criterion | None, gallery: Gallery, distance: Distance, form: Format
) -> None:
    """Print how well the embeddings of a run retrieve test images of the same emotion, and of the same polarity."""
    run = load_run(folder)
    with Meter("retrieve") as meter:
        found = retrieve(run, k, gallery, distance, meter)
    rows = [row for each in found.values() for row in _rows(each, by, form)]
    first = next(iter(found.values()))
    ends = ["low", "high"] if form == "csv" else []
    first_k = f"precision@{first.neighbours.shape[1]}"
    header = [
        "embedding", "dimensions", "by", "queries",
        "mAP", *(f"mAP {end}" for end in ends), "mAP by chance",
        first_k, *(f"{first_k} {end}" for end in ends), f"{first_k} by chance",
    ]  # fmt: skip
    itself = gallery == "test"
    others, size = "the other test images" if itself else "the training images", len(first.gallery_ids) - itself
    truth = "the true distribution" if run.metrics.get("kl_truth") is not None else "the votes"
    foot = [
        f"Queries: the {len(first.ids)} test images of {run.config.data.name}, without those that have no relevant one "
        f"in the gallery; gallery: {others}, {size} of them; distance: {distance}.",
        f"Relevant: images with a dominant emotion of the query, or of its polarity, by {truth}; ties count.",
        "mAP: mean average precision. In brackets 95 % bootstrap intervals over queries; by chance: in random order.",
        *(
            f"{EMBEDDINGS[each.embedding][0]}: all vectors point nearly the same way, with a mean cosine of "
            f"{each.likeness:.5f}; it may have collapsed to one point."
            for each in found.values()
            if each.collapsed
        ),
        f"Provenance: run {run.name} {run.digest}.",
    ]
    typer.echo(format_rows(header, rows, foot, form), nl=False)


def _rows(found: Retrieval, by: Criterion | None, form: Format) -> list[list[object]]:
    def interval(value: Interval) -> list[object]:
        if form == "csv":
            return [value.value, value.low, value.high]
        return [f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"]

    title = found.embedding if form == "csv" else EMBEDDINGS[found.embedding][0]
    rows: list[list[object]] = []
    for criterion, score in found.scores.items():
        if by in (None, criterion):
            average = [*interval(score.mean_average_precision), score.mean_average_precision_chance]
            precision = [*interval(score.precision), score.precision_chance]
            rows.append([title, found.dimensions, criterion, score.queries, *average, *precision])
    return rows
