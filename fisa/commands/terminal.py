"""What a person sees beside the result, all on standard error: one line for each refusal, and progress."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fisa.exceptions import FisaError

PATIENCE = 2.0
"""Seconds of work that pass without a bar."""

INTERVAL = 30.0
"""Seconds between the lines that stand for a bar where standard error is a file."""


class CommandError(FisaError, ValueError):
    """What a command refuses; the message is one clear sentence."""


def refuse_out(out: Path | None) -> None:
    """Make the folder for a file, and refuse one that could not be written in the end, before any work is done.

    Raises:
        CommandError: The file exists, or its folder cannot be made.
    """
    if out is None:
        return
    if out.exists():
        raise CommandError(f"{out}: already exists; name another --out, nothing is overwritten")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"{out}: the folder {out.parent} cannot be made ({reason}); name another --out") from None


def tell(text: str) -> None:
    """Write one line on standard error, whatever line breaks ``text`` holds."""
    sys.stderr.write(" ".join(text.split()) + "\n")


class Meter:
    """Progress of work that reports (done, total): a bar with an estimate after two seconds.

    Work may have several phases, each counted from its start: a smaller ``done`` or another ``total`` begins the next.
    A total of 0 stands for one that is not known yet.

    Args:
        what: What is being done, such as ``"train"``.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._done, self._total = 0, -1
        self._started = self._spoke = time.monotonic()

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def __call__(self, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` are done."""
        now = time.monotonic()
        if total != self._total or done < self._done:
            self._stop()
            self._started = self._spoke = now if self._total >= 0 else self._started
        self._done, self._total = done, total
        if self._console.is_terminal:
            self._draw(now)
        elif now - self._spoke > INTERVAL and (0 < done < total or not total):
            self._spoke = now
            if total:
                rest = (now - self._started) / done * (total - done)
                tell(f"{self._what}: {done} of {total}, about {rest:.0f} s left")
            else:
                tell(f"{self._what}: {done} found so far")

    def _draw(self, now: float) -> None:
        if 0 < self._total <= self._done:  # ends here, so that another meter may draw
            self._stop()
            return
        if self._bar is None:
            if now - self._started < PATIENCE:
                return
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task(self._what, total=self._total or None)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=self._done)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
