"""Files to rows of predictions: rows that can be trusted, refusals kept as rows, memory that stays flat."""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny import save_untrained

from fisa import decoding
from fisa.emotions import MIKELS8
from fisa.images import decode, decode_square
from fisa.prediction import predict_files
from fisa.runs import Run

LABELS = list(MIKELS8.labels)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An untrained run: these tests ask what happens to its numbers, not how good they are."""
    return save_untrained(tmp_path_factory.mktemp("run") / "cnn")


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


def table(run: Run, *paths: Path, batch_size: int = 32, workers: int = 0) -> pd.DataFrame:
    return pd.concat(predict_files(run, paths, batch_size, workers=workers), ignore_index=True)


def test_rows_are_the_runs_own_predictions_in_order(run: Run, folder: Path) -> None:
    rows = table(run, folder)
    assert list(rows.columns) == ["path", *LABELS, "label", "entropy", "refused"]
    assert list(rows["path"]) == [str(folder / f"{number}.png") for number in range(1, 6)]
    good = rows[rows["refused"].isna()]
    expected = np.concatenate([run.predict([decode(Path(path))]).distribution for path in good["path"]])
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


def test_a_path_given_twice_is_two_rows(run: Run, folder: Path) -> None:
    rows = table(run, folder / "1.png", folder)
    assert [Path(path).name for path in rows["path"]] == ["1.png", "1.png", "2.png", "3.png", "4.png", "5.png"]


def test_workers_do_not_change_the_rows(run: Run, folder: Path) -> None:
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    pd.testing.assert_frame_equal(table(run, folder, workers=2), table(run, folder, workers=0), check_exact=True)


def test_unreadable_folder_is_a_row_in_its_place(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(place: str) -> Iterator[os.DirEntry[str]]:
        if Path(place).name == "2b":
            raise PermissionError(13, "Permission denied", place)
        return real(place)

    real = os.scandir
    (folder / "2b").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)  # root may read every folder
    rows = table(run, folder)
    assert [Path(path).name for path in rows["path"]] == ["1.png", "2.png", "2b", "3.png", "4.png", "5.png"]
    assert rows["refused"][2].startswith(f"{folder / '2b'}: folder cannot be read (Permission denied)")
    assert rows["refused"].isna().tolist() == [True, True, False, False, True, True]


def test_images_are_decoded_a_batch_at_a_time(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Path] = []

    def count(path: Path, size: int) -> np.ndarray:
        decoded.append(path)
        return decode_square(path, size)

    monkeypatch.setattr(decoding, "decode_square", count)
    frames = predict_files(run, [folder], batch_size=2)
    next(frames)
    assert len(decoded) == 2


def test_progress_counts_every_file(run: Run, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    list(predict_files(run, [folder], 2, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_a_file_that_comes_after_the_count_is_still_predicted(run: Run, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    frames = predict_files(run, [folder / "1.png", folder], 1, progress=lambda done, total: seen.append((done, total)))
    next(frames)
    (folder / "6.png").write_bytes((folder / "1.png").read_bytes())
    assert len(list(frames)) == 6
    assert seen[0] == (1, 6) and seen[-1] == (7, 7)


def test_names_that_no_table_stores_survive(run: Run, folder: Path) -> None:
    names = [os.fsdecode(b"caf\xe9.png"), "line\nbreak.png", "a\u2028b.png"]
    try:
        for number, name in enumerate(names, start=1):
            os.rename(folder / f"{number + (number > 2)}.png", folder / name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    rows = table(run, folder)
    expected = {str(folder / name) for name in ("caf?.png", "line\nbreak.png", "a\u2028b.png")}
    assert expected < set(rows[rows["refused"].isna()]["path"])


@pytest.mark.parametrize("hoard", [False, True], ids=["streamed", "collected"])
def test_memory_does_not_grow_with_the_number_of_files(run: Run, folder: Path, hoard: bool) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            frames = predict_files(run, [folder / "1.png"] * count, batch_size=8)
            assert sum(map(len, list(frames) if hoard else frames)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(8)  # fills caches
    growth = peak(256) - peak(64)
    # A collected row takes 1 kB, 192 of them 192 kB, and a collected square 3 kB more. Streamed, a file leaves about
    # 140 bytes, 27 kB: names that Pillow makes up stay in CPython's cache of attributes, up to its bound.
    assert (growth > 120_000) if hoard else (growth < 60_000)
