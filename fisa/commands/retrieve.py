"""``retrieve``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from fisa.commands.terminal import CommandError, Meter
from fisa.explain.embeddings import EMBEDDINGS
from fisa.explain.retrieval import Criterion, Distance, Gallery, Retrieval, retrieve
from fisa.explain.retrieved import UNTRAINED, Found, collapse_notes, named, queries_frame, retrieval_table
from fisa.explain.unlearned import untrained as fresh_weights
from fisa.records import Interval
from fisa.runs import Run, load_run
from fisa.studies import Format, format_rows, format_table
from fisa.studies.stored import store_table


def retrieve_all(
    folders: Sequence[Path],
    k: int,
    by: Criterion | None,
    gallery: Gallery,
    distance: Distance,
    untrained: bool,
    store: Path | None,
    form: Format,
) -> None:
    """Print how well the embeddings of runs retrieve test images: of one run alone, or of several in one table."""
    if store is not None and store.exists():
        raise CommandError(f"{store}: already exists; name another --store, nothing is overwritten")
    runs = named([load_run(folder) for folder in folders], (UNTRAINED,) if untrained else ())
    found = []
    for name, run in runs.items():
        with Meter(f"retrieve {name}") as meter:
            found.append(Found(name, run, retrieve(run, k, gallery, distance, meter)))
    if untrained:
        first = found[0].run
        with Meter(f"retrieve {UNTRAINED}") as meter:
            retrieved = retrieve(first, k, gallery, distance, meter, fresh_weights(first))
        found.insert(0, Found(UNTRAINED, first, retrieved, trained=False))
    if len(found) == 1 and store is None:
        print_retrieval(found[0].run, found[0].retrieved, by, gallery, distance, form)
        return
    notes = _notes(found[0].run, found[0].retrieved, gallery, distance)
    if untrained:
        notes.append(f"{UNTRAINED}: the architecture of {next(iter(runs))} with fresh weights.")
    table = retrieval_table(found, by, notes)
    if store is not None:
        store_table(table, queries_frame(found), store)
    typer.echo(format_table(table, form), nl=False)


def print_retrieval(
    run: Run,
    found: Mapping[str, Retrieval],
    by: Criterion | None,
    gallery: Gallery,
    distance: Distance,
    form: Format,
) -> None:
    """Print how well the embeddings of one run retrieve test images of the same emotion, and of the same polarity."""
    rows = [row for each in found.values() for row in _rows(each, by, form)]
    first = next(iter(found.values()))
    ends = ["low", "high"] if form == "csv" else []
    first_k = f"precision@{first.neighbours.shape[1]}"
    header = [
        "embedding", "dimensions", "by", "queries",
        "mAP", *(f"mAP {end}" for end in ends), "mAP by chance",
        first_k, *(f"{first_k} {end}" for end in ends), f"{first_k} by chance",
    ]  # fmt: skip
    foot = [
        *_notes(run, found, gallery, distance),
        *collapse_notes({EMBEDDINGS[name][0]: each for name, each in found.items()}),
        f"Provenance: run {run.name} {run.digest}.",
    ]
    typer.echo(format_rows(header, rows, foot, form), nl=False)


def _notes(run: Run, found: Mapping[str, Retrieval], gallery: Gallery, distance: Distance) -> list[str]:
    first = next(iter(found.values()))
    itself = gallery == "test"
    others, size = "the other test images" if itself else "the training images", len(first.gallery_ids) - itself
    truth = "the true distribution" if run.metrics.get("kl_truth") is not None else "the votes"
    return [
        f"Queries: the {len(first.ids)} test images of {run.config.data.name}, without those that have no relevant one "
        f"in the gallery; gallery: {others}, {size} of them; distance: {distance}; the first: "
        f"{first.neighbours.shape[1]}.",
        f"Relevant: images with a dominant emotion of the query, or of its polarity, by {truth}; ties count.",
        "mAP: mean average precision. In brackets 95 % bootstrap intervals over queries; by chance: in random order.",
    ]


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
