"""A study without its weights, small enough to ship; docs/studies.md describes every file.

Degrees are stored as whole steps of their logarithm, so that each is within half a percent of what was predicted.
Measures are stored as they were taken, from the predictions as they were.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fisa.config import RunConfig
from fisa.exceptions import FisaError
from fisa.runs.files import digest_of, dump_json, parse_json, parse_table, read_bytes, write_whole
from fisa.studies.comparison import RATED, StudyError
from fisa.studies.constant import constant_measures
from fisa.studies.errors import measure
from fisa.studies.folder import LENT, PLAN, StudyFolder, parse_runs
from fisa.studies.results import StudyResults, gather, joined

FORMAT = 1
SUMMARY = "summary.json"
FOLDER = "summary"
"""Where a study's folder keeps its own."""

STEP = 0.01
"""Of the logarithm of a degree: half of it, .5 %, is the largest relative error of a stored one."""
SMALLEST = 1e-12
"""Degree below which all are alike, as they are to KL."""
RATING_STEP = 1e-4
"""Of a rating, which is in -1 to 1."""

FILES = ("runs.csv", "history.parquet", "predictions.parquet", "looks.jsonl")
CONFIGS = "configs.parquet"
"""Which earlier versions did not store."""
ERRORS = "errors.parquet"
"""Only where the data could be opened when the summary was written."""


def load_results(path: Path) -> StudyResults:
    """Read a study: where it has a plan, from its runs and those lent to it; else its summary in ``path`` or below.

    Raises:
        StudyError: It is neither.
        RunError: A file is damaged.
    """
    if (path / PLAN).is_file():
        own = gather(path)
        return joined(own, load_summary(path / LENT), StudyFolder(path)) if (path / LENT).is_dir() else own
    for folder in (path, path / FOLDER):
        if (folder / SUMMARY).is_file():
            return load_summary(folder)
    raise StudyError(f"{path}: holds no study and no summary of one; `python -m fisa study STUDY.yaml` makes them")


def is_study(path: Path) -> bool:
    """Tell whether :func:`load_results` reads ``path``."""
    return any((path / name).is_file() for name in (PLAN, SUMMARY, f"{FOLDER}/{SUMMARY}"))


def store_summary(results: StudyResults, folder: Path) -> None:
    """Write a summary, replacing the last one; ``summary.json`` comes last, with a digest of every file.

    Raises:
        RunError: The disk refuses.
    """
    task = results.metrics.get("task", "distribution")
    contents = {
        "runs.csv": results.runs.to_csv(index=False, lineterminator="\n").encode(),
        "history.parquet": _parquet(results.history.astype(_single(results.history))),
        "predictions.parquet": _parquet(encode(results.predictions, task)),
        "looks.jsonl": "".join(json.dumps(look) + "\n" for look in results.looks).encode(),
    }
    if results.run_configs:
        texts = {where: json.dumps(config.model_dump(mode="json")) for where, config in results.run_configs.items()}
        contents[CONFIGS] = _parquet(pd.DataFrame({"where": list(texts), "config": list(texts.values())}))
    errors = measure(results, []) if results.metrics else None
    if errors is not None:
        contents[ERRORS] = _parquet(errors.astype(_single(errors)))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_whole(folder / name, content)
    document = {
        "format": FORMAT,
        "name": results.name,
        "reference": results.reference,
        "systems": list(results.systems),
        "configs": {system: config.model_dump(mode="json") for system, config in results.configs.items()},
        "metrics": {key: value for key, value in results.metrics.items() if key != "measures"},
        "choices": dict(results.choices),
        "speeds": dict(results.speeds),
        "claims": [dict(claim) for claim in results.claims],
        "constant": [dict(measures) for measures in constant_measures(results)] if results.metrics else [],
        "files": {name: digest_of(content) for name, content in contents.items()},
    }
    write_whole(folder / SUMMARY, dump_json(document).encode())


def load_summary(folder: Path) -> StudyResults:
    """Read what :func:`store_summary` wrote.

    Raises:
        RunError: A file is not what was stored.
        StudyError: It is of another format, or lacks something.
    """
    file = folder / SUMMARY
    document = parse_json(read_bytes(file), file)
    if document.get("format") != FORMAT:
        raise StudyError(f"{file}: format {str(document.get('format'))[:20]}, this version reads {FORMAT}")
    try:
        names = (*FILES, *(name for name in (CONFIGS, ERRORS) if name in document["files"]))
        contents = {name: _checked(folder / name, document["files"][name]) for name in names}
        metrics = document["metrics"]
        runs = parse_runs(contents["runs.csv"], folder / "runs.csv")
        return StudyResults(
            name=document["name"],
            reference=document["reference"],
            systems=tuple(document["systems"]),
            runs=runs,
            history=parse_table(contents["history.parquet"], folder / "history.parquet", (), ()),
            predictions=decode(
                parse_table(contents["predictions.parquet"], folder / "predictions.parquet", (), ()),
                metrics.get("task", "distribution"),
            ),
            configs={system: RunConfig.model_validate(config) for system, config in document["configs"].items()},
            metrics=metrics,
            choices=document["choices"],
            looks=tuple(json.loads(line) for line in contents["looks.jsonl"].decode().splitlines()),
            speeds=document["speeds"],
            errors=parse_table(contents[ERRORS], folder / ERRORS, (), ()) if ERRORS in contents else None,
            run_configs=_run_configs(contents.get(CONFIGS), folder / CONFIGS),
            claims=tuple(document.get("claims", ())),  # which earlier versions did not store
            constant=tuple(document.get("constant", ())),  # likewise
        )
    except FisaError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise StudyError(f"{file}: is not as this version writes it ({reason}); restore the file") from None


def encode(predictions: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return predictions as whole steps, int16."""
    if predictions.empty:
        return pd.DataFrame({name: pd.Series(dtype=str) for name in ("where", "id")})
    names = [name for name in predictions if name not in ("where", "id")]
    values = predictions[names].to_numpy(float)
    steps = values / RATING_STEP if task == RATED else -np.log(np.maximum(values, SMALLEST)) / STEP
    coded = pd.DataFrame(np.rint(steps).astype(np.int16), columns=names)
    return pd.concat([predictions[["where", "id"]].reset_index(drop=True), coded], axis=1)


def decode(coded: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return what :func:`encode` was given, distributions with sum 1 again."""
    names = [name for name in coded if name not in ("where", "id")]
    if not names:
        return coded
    steps = coded[names].to_numpy(float)
    values = steps * RATING_STEP if task == RATED else np.exp(-steps * STEP)
    if task != RATED:
        values /= values.sum(1, keepdims=True)
    return pd.concat([coded[["where", "id"]], pd.DataFrame(values, columns=names)], axis=1)


def _run_configs(content: bytes | None, file: Path) -> dict[str, RunConfig]:
    if content is None:
        return {}
    table = parse_table(content, file, ("where", "config"), ())
    return {row["where"]: RunConfig.model_validate_json(row["config"]) for row in table.to_dict("records")}


def _single(frame: pd.DataFrame) -> dict[Any, Any]:
    """Which columns to keep in single precision: all that are of double."""
    return {name: np.float32 for name, kind in frame.dtypes.items() if kind == np.float64}


def _parquet(frame: pd.DataFrame) -> bytes:
    texts = [name for name in ("where", "id", "group", "config") if name in frame]
    numbers = {str(name): "BYTE_STREAM_SPLIT" for name in frame if name not in texts}
    stream = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(
        table,
        stream,
        compression="zstd",
        compression_level=19,
        use_dictionary=texts,
        column_encoding=numbers,
        row_group_size=max(1, len(frame)),
    )
    return stream.getvalue()


def _checked(file: Path, digest: str) -> bytes:
    content = read_bytes(file)
    if digest_of(content) != digest:
        raise StudyError(f"{file}: changed since it was stored, its digest is not that of {SUMMARY}; restore the file")
    return content
