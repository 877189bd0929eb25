"""What a run folder must hold, version by version; docs/run-format.md says it in words."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from torch import Tensor, nn

from fisa import __version__
from fisa.emotions import RATINGS, SPACES
from fisa.runs.files import RunError, digest_of, dump_json, parse_json, read_bytes, reason_of, write_whole

FORMAT = 2
READER = "fisa-studio >= 0.1.0"
"""Which versions read what this one writes; a version that cannot quotes it."""

REQUIRED = ("config.yaml", "model.safetensors", "history.csv", "metrics.json", "predictions.parquet", "provenance.json")
OPTIONAL = ("splits.parquet", "grades.json", "map.parquet")
DIGESTS = "digests.json"
TRAINING = "training"
"""The sub-folder of a training that is not finished; see fisa/runs/checkpoints.py."""

KNOWN_SPACES = {**SPACES, RATINGS.name: RATINGS}
"""What a run may have learned: the emotions of a space, or none beside valence and arousal."""

PATIENCE = 10.0
"""Seconds to wait for another process that adds to a run."""

NAMED = 3
"""How many of many misfits a message names."""


def is_unfinished(path: Path) -> bool:
    """Tell whether a training runs in ``path`` or was interrupted there."""
    return (path / TRAINING).is_dir() and not is_finished(path)


def is_finished(path: Path) -> bool:
    """Tell whether ``path`` holds a run with all its files, whole or damaged."""
    return (path / DIGESTS).is_file()


def check_folder(path: Path) -> None:
    """Raise RunError unless ``path`` is a finished run of this format with all its files.

    The format is the one thing that is read unchecked: how to check the rest depends on it.
    """
    if not path.is_dir():
        raise RunError(f"{path}: no such run folder; `python -m fisa train` makes one")
    if is_unfinished(path):
        raise RunError(f"{path}: not finished; `python -m fisa train CONFIG --out {path} --resume` goes on")
    file = path / "provenance.json"
    if file.is_file():
        head = parse_json(read_bytes(file), file)
        found, reader = head.get("format"), head.get("reader")
        if isinstance(found, int) and found > FORMAT:
            readers = " ".join(str(reader or "a newer fisa-studio").split())[:60]
            raise RunError(f"{path}: run format {found}, and {__version__} reads format {FORMAT}; {readers} reads it")
        if found != FORMAT:
            raise RunError(f"{path}: run format {str(found)[:20]}, this version reads {FORMAT}; train the run again")
    for name in (*REQUIRED, DIGESTS):
        if not (path / name).is_file():
            raise RunError(f"{path}: not a run folder, {name} is missing; restore it, or train the run again")


def read_digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that belongs to the run ``path``.

    Raises:
        RunError: digests.json is damaged, lists too little, or a file that is not there.
    """
    file = path / DIGESTS
    document = parse_json(read_bytes(file), file)
    files = document.get("files")
    if document.keys() != {"files", "digest"} or not isinstance(files, dict):
        raise RunError(f"{file}: expected the keys files and digest")
    for name, digest in files.items():
        if name not in (*REQUIRED, *OPTIONAL):
            raise RunError(f"{file}: lists {name!r}, which is no file of a run")
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise RunError(f"{file}: the digest of {name} is not a SHA-256")
    if document["digest"] != _digest_of_all(files):
        raise RunError(f"{file}: changed since it was stored; restore the file, or train the run again")
    for name in REQUIRED:
        if name not in files:
            raise RunError(f"{file}: does not list {name}")
    for name in files:
        if not (path / name).is_file():
            raise RunError(f"{path}: {name} is missing; restore it, or train the run again")
    return dict(files)


def write_digests(path: Path, files: Mapping[str, str]) -> None:
    """Write digests.json, whole or not at all."""
    write_whole(path / DIGESTS, dump_json({"files": dict(files), "digest": _digest_of_all(files)}).encode())


def add_file(path: Path, name: str, content: bytes) -> dict[str, str]:
    """Add an optional file to a finished run, or replace it; return the digests of the run's files as they are now.

    What others have added since the run was opened stays, and two that add at a time wait for one another.

    Raises:
        RunError: digests.json is damaged, another process keeps adding, or the disk refuses.
    """
    lock = FileLock(path / ".adding.lock", timeout=PATIENCE, fallback_to_soft=False)
    try:
        held = lock.acquire()
    except Timeout:
        raise RunError(f"{path}: another process adds to this run; try again") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({reason_of(error)})") from None
    with held:
        try:
            # Unlist, write, list: whenever this is cut short, the run is whole, at worst without this file.
            files = read_digests(path)
            if files.pop(name, None) is not None:
                write_digests(path, files)
            write_whole(path / name, content)
            files[name] = digest_of(content)
            write_digests(path, files)
            return files
        finally:
            with suppress(OSError):  # while it is held, so that who waits sees that it is gone; not on Windows
                os.unlink(lock.lock_file)


def check_provenance(document: Mapping[str, Any], file: Path) -> None:
    """Raise RunError where the program relies on a field of provenance.json that is not as it should be."""
    space = document.get("space")
    if not isinstance(space, str) or space not in KNOWN_SPACES:
        raise RunError(f"{file}: unknown emotion space {str(space)[:60]!r}; known: {', '.join(KNOWN_SPACES)}")
    for name, kinds in {"receptive_field": (int,), "seconds": (int, float), "best_epoch": (int,)}.items():
        value = document.get(name)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool) or value < 0):
            raise RunError(f"{file}: {name} is {str(value)[:60]!r}, expected a number that is not negative")
    order = document.get("vote_order")
    if order is not None and (not isinstance(order, list) or {*map(str, order)} != {*map(str, range(len(order)))}):
        raise RunError(f"{file}: vote_order does not name every column once")


def check_state(state: Mapping[str, Tensor], model: nn.Module, file: Path) -> None:
    """Raise RunError where ``state`` is not exactly a state of ``model`` in finite numbers; the first few are named."""
    found = misfits(state, model)
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise RunError(f"{file}: these weights do not fit the configuration: {'; '.join(found[:NAMED])}{more}")
    for name, tensor in state.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise RunError(f"{file}: {name} holds something else than finite numbers")


def misfits(state: Mapping[str, Tensor], model: nn.Module) -> list[str]:
    """Return what keeps ``state`` from being a state of ``model``, a clause for each tensor."""
    expected = model.state_dict()
    found = [f"{name} is missing" for name in expected if name not in state]
    found += [f"the model has no {name[:80]}" for name in state if name not in expected]
    for name in expected.keys() & state.keys():
        (shape, kind), (own, due) = ((tuple(each[name].shape), each[name].dtype) for each in (state, expected))
        if (shape, kind) != (own, due):
            found.append(f"{name} is {kind} {list(shape)}, expected {due} {list(own)}".replace("torch.", ""))
    return found


def _digest_of_all(files: Mapping[str, str]) -> str:
    return digest_of("".join(f"{name} {files[name]}\n" for name in sorted(files)).encode())
