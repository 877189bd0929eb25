"""The folder of a study while it runs; docs/studies.md describes every file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from filelock import FileLock, Timeout
from pydantic import ValidationError

from fisa.config import RunConfig, difference, read_document, read_text
from fisa.config.study import StudyConfig
from fisa.runs import Run, load_run, working
from fisa.runs.files import dump_json, parse_json, parse_table, read_bytes, reason_of, write_whole
from fisa.runs.format import DIGESTS, is_unfinished
from fisa.studies.comparison import StudyError
from fisa.studies.plan import Cell

STUDY, PLAN, CHOICES, LOOKS = "study.yaml", "plan.json", "choices.json", "looks.jsonl"
FAILED = ".failed.json"
LENT = "known"
"""Where the summary stands that :func:`fisa.studies.lent.borrow` took over."""

Kind = Literal["diverged", "failed"]


@dataclass(frozen=True)
class Failure:
    """Why a run of a study did not come to its end.

    Attributes:
        where: See :class:`fisa.studies.plan.Cell`.
        kind: ``diverged``, which it would again, so that it is not begun again; or ``failed`` for any other reason.
        reason: One sentence.
        when: UTC, ISO 8601.
    """

    where: str
    kind: Kind
    reason: str
    when: str


class StudyFolder:
    """What a study has come to; made by :func:`at_work` for whoever runs it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def begun(self) -> bool:
        """Whether anything was trained or chosen here."""
        return (self.path / CHOICES).is_file() or next(self._there(), None) is not None

    @cached_property
    def lent(self) -> dict[str, float]:
        """Finished runs of an earlier study, which are not trained again -> lowest validation error of each."""
        file = self.path / LENT / "runs.csv"
        if not file.is_file():
            return {}
        runs = parse_runs(read_bytes(file), file)
        done = runs[runs["state"] == "finished"]
        return dict(zip(done["where"], done["validation"].astype(float), strict=True)) if len(done) else {}

    def trained(self, where: str) -> bool:
        """Tell whether a run stands here, whole."""
        return (self.path / where / DIGESTS).is_file()

    def finished(self, where: str) -> bool:
        """Tell whether a run is whole, or lent by an earlier study."""
        return self.trained(where) or where in self.lent

    def run(self, where: str) -> Run:
        """Open a finished run.

        Raises:
            RunError: It is damaged.
        """
        return load_run(self.path / where)

    def failure(self, where: str) -> Failure | None:
        """Return why a run failed when it was last tried, or None."""
        file = self._failure_file(where)
        if self.finished(where) or not file.is_file():
            return None
        told = parse_json(read_bytes(file), file)
        try:
            return Failure(where, told["kind"], str(told["reason"]), str(told["when"]))
        except LookupError:
            raise StudyError(f"{file}: is not as it was written; remove it to try {where} again") from None

    def note_failure(self, where: str, kind: Kind, reason: str) -> Failure:
        """Keep why a run failed, until it is finished."""
        failure = Failure(where, kind, reason, now())
        told = {"kind": failure.kind, "reason": failure.reason, "when": failure.when}
        self._failure_file(where).parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._failure_file(where), dump_json(told).encode())
        return failure

    def forget_failure(self, where: str) -> None:
        """Drop what :meth:`note_failure` kept."""
        self._failure_file(where).unlink(missing_ok=True)

    def store_plan(self, study: StudyConfig, reference: str, systems: Sequence[str], cells: Sequence[Cell]) -> None:
        """Keep which runs there are to be and what they are to decide, for who makes tables before all are done."""
        runs = [
            {
                "where": cell.where,
                "system": cell.system,
                "trial": None if cell.trial is None else cell.trial + 1,
                "seed": cell.config.training.seed,
                "fold": cell.config.data.fold[0] if cell.config.data.fold else 0,
            }
            for cell in cells
        ]
        claims = [claim.model_dump(mode="json") for claim in study.claims]
        plan = {"name": study.name, "reference": reference, "systems": [*systems], "runs": runs, "claims": claims}
        write_whole(self.path / PLAN, dump_json(plan).encode())

    @property
    def choices(self) -> dict[str, Any]:
        """System -> what was chosen for it, from what and when; see :mod:`fisa.studies.protocol`."""
        file = self.path / CHOICES
        return parse_json(read_bytes(file), file) if file.is_file() else {}

    def store_choices(self, choices: Mapping[str, Any]) -> None:
        """Replace the choices."""
        write_whole(self.path / CHOICES, dump_json(choices).encode())

    @property
    def looks(self) -> list[dict[str, Any]]:
        """Every look at the test split, in order: when, what; and of a run its digest, data, version and split."""
        file = self.path / LOOKS
        if not file.is_file():
            return []
        lines = read_bytes(file).decode("utf-8", errors="replace").splitlines()
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            raise StudyError(f"{file}: has a line that is no JSON; restore the file") from None

    def log_look(self, what: str, **more: Any) -> None:
        """Add a look at the test split; nothing ever removes one."""
        line = json.dumps({"when": now(), "what": what, **more}) + "\n"
        with (self.path / LOOKS).open("ab") as stream:  # one write: whole lines only, whoever else appends
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())

    def log_cells(self, cells: list[Cell]) -> None:
        """See that the test of every finished cell is logged, also of one whose runner was killed just after it."""
        known = {look["what"] for look in self.looks}
        for cell in cells:
            if cell.trial is None and self.trained(cell.where) and cell.where not in known:
                run = self.run(cell.where)
                place = {key: run.metrics[key] for key in ("data", "data_version", "split")}
                self.log_look(cell.where, run=run.digest, trained=run.provenance.get("created"), **place)

    def refuse_contradictions(self, cells: list[Cell]) -> None:
        """Raise StudyError where a run that is finished or begun is not one that the study now describes."""
        planned = {cell.where: cell.config for cell in cells}
        for path in sorted(self._there()):
            where = path.relative_to(self.path).as_posix()
            stored = self._stored(path)
            if stored is None:
                continue
            if where not in planned:
                raise StudyError(
                    f"{path}: is there, and the study has it no more; put it back into the study, remove the folder, "
                    "or choose another --out"
                )
            if (other := difference(stored, planned[where])) is not None:
                key, before, after = other
                raise StudyError(
                    f"{path}: has {key} {before!r}, and the study now says {after!r}; "
                    "change it back, or choose another --out"
                )

    def _there(self) -> Iterator[Path]:
        """Yield the folders of all runs, finished or begun."""
        return (path for kind in ("trials", "cells") for path in (self.path / kind).glob("*/*") if path.is_dir())

    def _stored(self, path: Path) -> RunConfig | None:
        """Return the configuration of a run that is finished or has a checkpoint, as it is now read."""
        if (path / DIGESTS).is_file():
            return load_run(path).config
        if not is_unfinished(path):
            return None
        with working(path, resume=True) as workspace:
            document = workspace.load().document if workspace.begun else None
        try:
            return None if document is None else RunConfig.model_validate(document["config"])
        except (LookupError, ValidationError):
            raise StudyError(f"{path}: was begun by another version of the program; remove it to begin again") from None

    def _failure_file(self, where: str) -> Path:
        return self.path / (where + FAILED)


def parse_runs(content: bytes, file: Path) -> pd.DataFrame:
    """Read the ``runs.csv`` of a summary; see :attr:`fisa.studies.results.StudyResults.runs`.

    Raises:
        RunError: Not such a table.
    """
    digests = ("config", "run", "data_version")
    return parse_table(content, file, ("where", "system", "state"), ("seed", "fold"), ("reason", *digests))


@contextmanager
def at_work(path: Path, name: str, text: str) -> Iterator[StudyFolder]:
    """Hold a study's folder, made if need be, for one call at a time.

    Args:
        path: The folder.
        name: Of the study.
        text: Its file, of which the folder keeps the last version.

    Raises:
        StudyError: Another call works there, it holds something else, or the disk refuses.
    """
    # Never a lock that only the presence of a file stands for: that would outlive a process that was killed.
    lock = FileLock(path / "lock", blocking=False, fallback_to_soft=False)
    try:
        if path.exists() and not (path / STUDY).is_file() and (not path.is_dir() or any(path.iterdir())):
            raise StudyError(f"{path}: already exists and holds no study; choose another --out")
        path.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
    except Timeout:
        raise StudyError(f"{path}: another call works on this study; wait for it, or choose another --out") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({reason_of(error)})") from None
    with held:
        file = path / STUDY
        if file.is_file() and (other := read_document(read_text(file), str(file), "of a study").get("name")) != name:
            raise StudyError(f"{path}: holds the study {other}, not {name}; choose another --out")
        write_whole(file, text.encode())
        yield StudyFolder(path)


def now() -> str:
    """Return the time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
