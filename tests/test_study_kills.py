"""A killed process, or a killed study, leaves the rest whole and is gone on with."""

import multiprocessing
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_study import STUDY, written
from studying import here

from fisa.runs import load_run
from fisa.studies.folder import StudyFolder
from fisa.studies.pace import Pace
from fisa.studies.runner import run_study
from fisa.studies.workers import News, train_apart

ROOT = Path(__file__).parent.parent


def alone(**changes: Any) -> dict[str, Any]:
    """A study of one cell a system, without a search."""
    return {"search": None, "epochs": 3, "systems": {name: STUDY["systems"][name] | {"seeds": [0]} for name in changes}}


@pytest.mark.slow
def test_a_killed_process_fails_its_run_alone_and_the_run_goes_on_to_equal_weights(tmp_path: Path) -> None:
    file = written(tmp_path, **alone(cnn=1, fisa=1))
    whole = run_study(file, tmp_path / "whole", here)
    assert whole.failures == ()

    def kill(news: News, pace: Pace) -> None:
        if news.what == "epoch" and news.cell.system == "cnn" and news.epoch == 1:
            (process,) = (each for each in multiprocessing.active_children() if each.name == news.cell.where)
            os.kill(process.pid or 0, signal.SIGKILL)

    engine = partial(train_apart, processes=2)
    (failure,) = run_study(file, tmp_path / "out", engine, kill).failures
    assert failure.where == "cells/cnn/seed-0" and "killed by signal 9" in failure.reason
    assert not (tmp_path / "out" / "cells/cnn/seed-0/digests.json").exists()
    assert run_study(file, tmp_path / "out", engine).failures == ()
    assert load_run(tmp_path / "out" / "cells/cnn/seed-0").provenance["resumed"] == 1
    for where in ("cells/cnn/seed-0", "cells/fisa/seed-0"):
        ours, theirs = (load_file(tmp_path / name / where / "model.safetensors") for name in ("out", "whole"))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert load_run(tmp_path / "out" / where).provenance["threads"] == 1


@pytest.mark.slow
def test_a_killed_study_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    file = written(tmp_path, **alone(cnn=1) | {"epochs": 60})
    out = tmp_path / "out"
    command = [sys.executable, "-m", "fisa", "study", str(file), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch 2 of 60" in line:
            break
    process.kill()
    process.stderr.read()  # ends when the last process that holds it does
    process.wait()
    assert run_study(file, out, partial(train_apart, processes=1)).failures == ()
    assert load_run(out / "cells/cnn/seed-0").provenance["resumed"] == 1
    assert [look["what"] for look in StudyFolder(out).looks] == ["cells/cnn/seed-0"]
