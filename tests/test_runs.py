"""Run folders: what does not fit is refused by name, and nothing is half-written."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file, save_file

from fisa.runs import REQUIRED, Run, RunError, format, free_path, list_runs, list_unfinished, load_run
from fisa.runs.files import digest_of
from fisa.runs.format import DIGESTS, read_digests, write_digests


@pytest.fixture
def copy(tiny_runs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_runs / "fisa", tmp_path / "copy"))


def reseal(path: Path) -> None:
    """List every file as it is now, as a person would who edits a run on purpose: the content has to speak."""
    names = [name for name in (*REQUIRED, "grades.json", "map.parquet") if (path / name).is_file()]
    write_digests(path, {name: digest_of((path / name).read_bytes()) for name in names})


def read_all(run: Run) -> None:
    for name in ("metrics", "grades", "history", "predictions", "map", "model"):
        getattr(run, name)


def test_predict_takes_any_number_of_images_of_any_size(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    random = np.random.default_rng(0)
    images = [
        random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in [(5, 9), (1, 1), (200, 64)]
    ]
    prediction = run.predict(images, batch_size=2)
    assert prediction.labels == run.space.labels
    np.testing.assert_allclose(prediction.distribution.sum(1), 1)
    np.testing.assert_allclose(run.predict(images[2:]).distribution[0], prediction.distribution[2], atol=1e-6)
    assert run.predict([]).distribution.shape == (0, 8)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(RunError, match=name):
        load_run(copy)


def test_a_missing_folder_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run folder"):
        load_run(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [*REQUIRED, "grades.json", "map.parquet"])
def test_a_file_that_changed_is_named_and_not_used(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(RunError, match=rf"copy/{name}: changed since it was stored|{name}: cannot be read as JSON"):
        read_all(load_run(copy))


def without(key: str) -> Callable[[dict[str, str]], object]:
    return lambda files: files.pop(key)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without("history.csv"), r"does not list history\.csv"),
        (lambda files: files.update({"notes.pkl": "0" * 64}), r"lists 'notes\.pkl', which is no file of a run"),
        (lambda files: files.update({"history.csv": "yes"}), r"the digest of history\.csv is not a SHA-256"),
    ],
)
def test_a_listing_that_is_not_of_a_run_is_refused(
    copy: Path, change: Callable[[dict[str, str]], object], complaint: str
) -> None:
    files = read_digests(copy)
    change(files)
    write_digests(copy, files)
    with pytest.raises(RunError, match=complaint):
        load_run(copy)


def test_a_listing_that_was_edited_is_refused(copy: Path) -> None:
    document = json.loads((copy / DIGESTS).read_text())
    del document["files"]["grades.json"]
    (copy / DIGESTS).write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"digests\.json: changed since it was stored"):
        load_run(copy)


def test_what_is_not_listed_is_not_read(copy: Path) -> None:
    write_digests(copy, {name: digest for name, digest in read_digests(copy).items() if name in REQUIRED})
    (copy / "grades.json").write_text('{"planted": true}')
    run = load_run(copy)
    assert run.grades is None and run.map is None


def test_weights_that_do_not_fit_are_named(copy: Path) -> None:
    state = load_file(copy / "model.safetensors")
    name = next(name for name, tensor in state.items() if tensor.ndim == 2)
    shape = list(state[name].shape)
    save_file({**state, name: torch.zeros(8, 3)}, copy / "model.safetensors")
    reseal(copy)
    with pytest.raises(RunError) as refused:
        load_run(copy).model  # noqa: B018
    assert f"{name} is float32 [8, 3], expected float32 {shape}" in str(refused.value)
    del state[name]
    save_file({**state, "spare": torch.zeros(1)}, copy / "model.safetensors")
    reseal(copy)
    with pytest.raises(RunError, match=rf"{name} is missing; the model has no spare"):
        load_run(copy).model  # noqa: B018


def test_weights_that_are_no_numbers_are_named(copy: Path) -> None:
    state = load_file(copy / "model.safetensors")
    name = next(name for name, tensor in state.items() if tensor.ndim == 2)
    state[name][0, 0] = float("nan")
    save_file(state, copy / "model.safetensors")
    reseal(copy)
    with pytest.raises(RunError, match=f"{name} holds something else than finite numbers"):
        load_run(copy).model  # noqa: B018


DEEP = "[" * 100_000
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("config.yaml", "name: x\nmodle: {}\n", "unknown key 'modle'"),
        ("config.yaml", ": :\n-", "not valid YAML"),
        ("config.yaml", BOMB, "not valid YAML"),
        ("config.yaml", "name: x\nname: y\n", "not valid YAML"),
        ("config.yaml", "name: 2001-99-99\n", "not valid YAML"),
        ("config.yaml", "name: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        ("config.yaml", DEEP, "not valid YAML"),
        ("config.yaml", "name: \udcff", "cannot be used"),
        ("model.safetensors", "", "cannot be read as safetensors"),
        ("model.safetensors", "\x08" + "\0" * 7 + "[[[[[[[[", "cannot be read as safetensors"),
        ("metrics.json", '{"n": 1, "n": 2}', "the key 'n' stands twice"),
        ("metrics.json", '{"n": NaN}', "NaN is no finite number"),
        ("metrics.json", '{"n": 1e999}', "1e999 is no finite number"),
        ("metrics.json", DEEP, "nested too deeply"),
        ("metrics.json", "\udcff", "cannot be read as JSON"),
        ("grades.json", "[]", "expected a JSON object"),
        ("provenance.json", "[]", "expected a JSON object"),
        ("provenance.json", "{", "cannot be read as JSON"),
        ("provenance.json", '{"format": 1}', "run format 1, this version reads 2; train the run again"),
        ("provenance.json", '{"format": 3, "reader": "fisa-studio >= 9.1"}', r"fisa-studio >= 9\.1 reads it"),
        ("provenance.json", '{"format": 2, "space": "klingon"}', "unknown emotion space 'klingon'"),
        ("provenance.json", '{"format": 2, "space": "mikels8", "seconds": "long"}', "seconds is 'long'"),
        ("provenance.json", '{"format": 2, "space": "mikels8", "vote_order": [0, 0]}', "vote_order does not name"),
        ("history.csv", "epoch,seconds\n1,2\n", "the column 'train_loss' is missing"),
        ("history.csv", "epoch,seconds,train_loss,validation_kl,lr\n1,2,x,1,1\n", "'train_loss' holds something else"),
        ("history.csv", "epoch,seconds,train_loss,validation_kl,lr\n1,2,,1,1\n", "'train_loss' holds something else"),
        ("predictions.parquet", "PAR1", "cannot be read as a table"),
        ("map.parquet", "id,x,y\n", "cannot be read as a table"),
    ],
)
def test_content_that_is_wrong_is_refused_by_name_whatever_its_digest(
    copy: Path, name: str, content: str, complaint: str
) -> None:
    (copy / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    reseal(copy)
    with pytest.raises(RunError, match=complaint) as refused:
        read_all(load_run(copy))
    assert name.removesuffix(".json") in str(refused.value) or "run format" in str(refused.value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


def test_rows_that_are_no_distribution_are_refused(copy: Path) -> None:
    table = load_run(copy).predictions.copy()
    table.loc[3, "awe"] += 0.01
    table.to_parquet(copy / "predictions.parquet", index=False)
    reseal(copy)
    with pytest.raises(RunError, match=r"predictions\.parquet: a row is no distribution over mikels8"):
        load_run(copy).predictions  # noqa: B018


def test_the_digest_follows_the_content(copy: Path, tiny_runs: Path) -> None:
    assert load_run(copy).digest == load_run(tiny_runs / "fisa").digest
    (copy / "config.yaml").write_text((copy / "config.yaml").read_text().replace("seed: 0", "seed: 1"))
    reseal(copy)
    assert load_run(copy).digest != load_run(tiny_runs / "fisa").digest


def test_provenance_says_where_a_run_comes_from(tiny_runs: Path) -> None:
    told = load_run(tiny_runs / "fisa").provenance
    assert told["format"] == 2 and told["reader"].startswith("fisa-studio >= ")
    assert told["origin"] == "trained" and told["resumed"] == 0 and told["seed"] == 0
    assert told["data"]["images"] == {"train": 160, "validation": 40, "test": 60}
    assert told["packages"]["torch"] == torch.__version__ and told["threads"] >= 1
    assert len(told["code"]) == 1 and len(told["code"][0]) == 16


def test_grades_and_map_can_be_added_later_and_again(copy: Path) -> None:
    run = load_run(copy)
    run.add_grades({"localisation": None})
    assert json.loads((copy / "grades.json").read_text()) == run.grades == {"localisation": None}
    assert load_run(copy).grades == {"localisation": None}
    assert not [path for path in copy.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("moment", range(1, 4))
def test_adding_that_is_cut_short_leaves_a_whole_run(copy: Path, moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unlist, write, list are three renamings; the process dies before one of them."""
    run, renamings = load_run(copy), 0
    rename = os.replace

    def dying(*arguments: object) -> None:
        nonlocal renamings
        renamings += 1
        if renamings == moment:
            raise KeyboardInterrupt
        rename(*arguments)  # type: ignore[arg-type]

    before = run.grades
    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        run.add_grades({"localisation": None})
    again = load_run(copy)
    read_all(again)
    assert again.grades == (before if moment == 1 else None)


def test_listing_takes_run_folders_only(tiny_runs: Path, tmp_path: Path) -> None:
    assert [path.name for path in list_runs(tiny_runs)] == ["cnn", "fisa"]
    assert list_runs(tmp_path / "nowhere") == []
    (tmp_path / "notes").mkdir()
    assert list_runs(tmp_path) == []


def test_what_two_openings_of_a_run_add_stays(copy: Path) -> None:
    points = pd.DataFrame({"id": ["a"], "x": [0.0], "y": [1.0]})
    first, second = load_run(copy), load_run(copy)
    for number in (1, 2):
        second.add_map(points.assign(x=float(number)))  # its digest is another one from here on
        first.add_grades({"number": number})
    assert first.map is not None and first.map["x"].tolist() == [2.0]
    assert second.grades == {"number": 2}
    again = load_run(copy)
    assert again.grades == {"number": 2} and again.map is not None and not list(copy.glob(".*"))


def test_processes_that_add_at_a_time_wait_for_one_another(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = load_run(copy)
    with FileLock(copy / ".adding.lock"):
        monkeypatch.setattr(format, "PATIENCE", 0.01)
        with pytest.raises(RunError, match="another process adds to this run; try again"):
            run.add_grades({})


def test_a_damaged_run_is_listed_and_an_unfinished_one_apart(copy: Path) -> None:
    (copy / DIGESTS).unlink()
    assert list_runs(copy.parent) == [copy]
    with pytest.raises(RunError, match=r"digests\.json is missing"):
        load_run(copy)
    (copy / "training").mkdir()
    assert list_runs(copy.parent) == [] and list_unfinished(copy.parent) == [copy]
    with pytest.raises(RunError, match="not finished"):
        load_run(copy)


def test_free_path_counts_up(tmp_path: Path) -> None:
    assert free_path(tmp_path, "fisa").name == "fisa-1"
    (tmp_path / "fisa-1").mkdir()
    assert free_path(tmp_path, "fisa").name == "fisa-2"
