"""Files to rows of predictions: rows that can be trusted, refusals kept, tables that appear whole or not at all."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from fisa import prediction
from fisa.config import RunConfig
from fisa.emotions import MIKELS8
from fisa.images import decode
from fisa.models import build_model
from fisa.prediction import PredictionError, predict_files, write_csv, write_table
from fisa.runs import NewRun, Run, save_run

LABELS = list(MIKELS8.labels)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An untrained run: these tests ask what happens to its numbers, not how good they are."""
    torch.manual_seed(0)
    config = RunConfig.model_validate(
        {"name": "cnn", "data": {"image_size": 32}, "model": {"name": "cnn", "backbone": {"name": "plain", "width": 8}}}
    )
    model = build_model(config.model, 8)
    empty = pd.DataFrame({"epoch": [1]})
    new = NewRun(config, MIKELS8, model.state_dict(), empty, {}, empty, {"receptive_field": 43})
    return save_run(tmp_path_factory.mktemp("run") / "cnn", new)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five noise images, 1.png to 5.png, of which 3.png is cut short."""
    place = tmp_path / "photos"
    place.mkdir()
    noise = np.random.default_rng(0)
    for number in range(1, 6):
        Image.fromarray(noise.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(place / f"{number}.png")
    whole = (place / "3.png").read_bytes()
    (place / "3.png").write_bytes(whole[: len(whole) // 2])
    return place


def table(run: Run, *paths: Path, batch_size: int = 32) -> pd.DataFrame:
    return pd.concat(predict_files(run, paths, batch_size), ignore_index=True)


def test_rows_are_the_runs_own_predictions_in_order(run: Run, folder: Path) -> None:
    rows = table(run, folder)
    assert list(rows.columns) == ["path", *LABELS, "label", "entropy", "refused"]
    assert list(rows["path"]) == [str(folder / f"{number}.png") for number in range(1, 6)]
    good = rows[rows["refused"].isna()]
    images = [decode(Path(path)) for path in good["path"]]
    expected = run.predict(images).distribution
    np.testing.assert_allclose(good[LABELS], expected, atol=1e-6)
    np.testing.assert_allclose(good[LABELS].sum(axis=1), 1, atol=1e-12)
    assert list(good["label"]) == [LABELS[column] for column in expected.argmax(axis=1)]
    np.testing.assert_allclose(good["entropy"], -(expected * np.log(expected)).sum(axis=1), atol=1e-6)


def test_refused_image_is_a_row_without_numbers_and_the_rest_goes_on(run: Run, folder: Path) -> None:
    rows = table(run, folder)
    bad = rows[rows["refused"].notna()]
    assert list(bad["path"]) == [str(folder / "3.png")]
    assert bad["refused"].item().startswith(str(folder / "3.png") + ": ")
    assert bad[[*LABELS, "label", "entropy"]].isna().all(axis=None)
    assert len(rows) == 5


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_do_not_change_the_rows(run: Run, folder: Path, batch_size: int) -> None:
    whole, parts = table(run, folder), table(run, folder, batch_size=batch_size)
    np.testing.assert_allclose(parts[LABELS], whole[LABELS], atol=1e-6)
    pd.testing.assert_frame_equal(parts[["path", "label", "refused"]], whole[["path", "label", "refused"]])


def test_only_refusals_still_make_a_table(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    rows = table(run, folder / "3.png", tmp_path / "empty", tmp_path / "missing.jpg")
    assert list(rows["path"]) == [str(folder / "3.png"), str(tmp_path / "empty"), str(tmp_path / "missing.jpg")]
    assert rows["refused"].notna().all()
    assert "without images" in rows["refused"][1]


def test_a_file_reached_twice_is_one_row(run: Run, folder: Path) -> None:
    assert len(table(run, folder / "1.png", folder, folder / "*.png")) == 5


def test_images_are_decoded_a_batch_at_a_time(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Path] = []

    def count(path: Path) -> np.ndarray:
        decoded.append(path)
        return decode(path)

    monkeypatch.setattr(prediction, "decode", count)
    frames = predict_files(run, [folder], batch_size=2)
    next(frames)
    assert len(decoded) == 2


def test_progress_counts_every_file(run: Run, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    list(predict_files(run, [folder], 2, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_name_that_is_not_utf8_can_be_stored(run: Run, folder: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    try:
        os.rename(folder / "1.png", folder / name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    write_table(predict_files(run, [folder]), tmp_path / "table.parquet")
    paths = pd.read_parquet(tmp_path / "table.parquet")["path"]
    assert str(folder / "caf?.png") in set(paths)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_formats_give_the_same_table_back(run: Run, folder: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"table{suffix}"
    write_table(predict_files(run, [folder], batch_size=2), file)
    if suffix == ".parquet":
        back = pd.read_parquet(file)
    elif suffix == ".csv":
        back = pd.read_csv(file)
    else:
        back = pd.DataFrame(json.loads(file.read_text(encoding="utf-8")))
    expected = table(run, folder, batch_size=2)
    assert list(back.columns) == list(expected.columns)
    # Exact but for JSON, whose writer keeps 15 decimals.
    np.testing.assert_allclose(back[LABELS].to_numpy(float), expected[LABELS], rtol=0, atol=1e-15)
    assert back["refused"].isna().tolist() == expected["refused"].isna().tolist()
    assert back["label"].dropna().tolist() == expected["label"].dropna().tolist()


def test_json_survives_every_line_separator_in_a_name(tmp_path: Path) -> None:
    names = ["a\u2028b.png", "c\x85d.png", 'quote".png', "line\nbreak.png"]
    write_table([pd.DataFrame({"path": names})], tmp_path / "table.json")
    assert [row["path"] for row in json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))] == names


def test_existing_table_is_kept_unless_forced(run: Run, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("precious", encoding="utf-8")
    with pytest.raises(PredictionError, match=r"table\.csv: already exists.*--force"):
        write_table(predict_files(run, [folder]), file)
    assert file.read_text(encoding="utf-8") == "precious"
    write_table(predict_files(run, [folder]), file, force=True)
    assert len(pd.read_csv(file)) == 5


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_interruption_leaves_what_was_there(run: Run, folder: Path, tmp_path: Path, suffix: str) -> None:
    def interrupted() -> Iterator[pd.DataFrame]:
        yield from predict_files(run, [folder])
        raise KeyboardInterrupt

    file = tmp_path / f"table{suffix}"
    file.write_text("precious", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        write_table(interrupted(), file, force=True)
    assert file.read_text(encoding="utf-8") == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", file.name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("table.xlsx", r"unknown kind of table; name it \*\.csv"),
        ("photos.csv", "is a folder"),
        ("nowhere/table.csv", "the folder .*nowhere does not exist"),
    ],
)
def test_impossible_target_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "photos.csv").mkdir()
    with pytest.raises(PredictionError, match=message):
        write_table([pd.DataFrame({"path": ["a"]})], tmp_path / name)


def test_csv_stream_has_one_header(run: Run, folder: Path, tmp_path: Path) -> None:
    with (tmp_path / "stream.csv").open("w", encoding="utf-8") as stream:
        write_csv(predict_files(run, [folder], batch_size=1), stream)
    lines = (tmp_path / "stream.csv").read_text(encoding="utf-8").splitlines()
    assert [line.startswith("path,") for line in lines] == [True, False, False, False, False, False]
