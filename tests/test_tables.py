"""Tables: what they take, and what comes back."""

import json
import weakref
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from fisa import tables
from fisa.tables import WRITERS, TableError, check_target, inert_csv, write_csv


def frames() -> list[pd.DataFrame]:
    return [
        pd.DataFrame({"path": pd.Series(["a", "b"], dtype="str"), "awe": [0.1, 1 / 3]}),
        pd.DataFrame({"path": pd.Series([None], dtype="str"), "awe": [float("nan")]}),
    ]


@pytest.mark.parametrize("suffix", WRITERS)
def test_frames_become_one_table(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"table{suffix}"
    WRITERS[suffix](frames(), file)
    read = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[suffix]
    back = read(file)
    assert back["path"].fillna("missing").tolist() == ["a", "b", "missing"]
    # Exact but for JSON, whose writer keeps 15 decimals.
    assert back["awe"].tolist()[:2] == pytest.approx([0.1, 1 / 3], rel=0, abs=1e-15 if suffix == ".json" else 0)
    assert back["awe"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_without_rows_is_a_table(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"table{suffix}"
    WRITERS[suffix]([frames()[0].iloc[:0]], file)
    if suffix == ".json":
        assert json.loads(file.read_text(encoding="utf-8")) == []
    else:
        back = pd.read_csv(file) if suffix == ".csv" else pd.read_parquet(file)
        assert list(back.columns) == ["path", "awe"] and not len(back)


@pytest.mark.parametrize("suffix", WRITERS)
def test_frames_are_written_as_they_come(tmp_path: Path, suffix: str) -> None:
    made: list[weakref.ref[pd.DataFrame]] = []
    alive = []

    def stream() -> Iterator[pd.DataFrame]:
        for _ in range(20):
            frame = frames()[0]
            made.append(weakref.ref(frame))
            alive.append(sum(each() is not None for each in made))
            yield frame
            del frame

    WRITERS[suffix](stream(), tmp_path / f"table{suffix}")
    assert max(alive) <= 3  # collected first, they would be 20


def test_parquet_gathers_frames_to_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP", 2)
    WRITERS[".parquet"]([*frames(), *frames()], tmp_path / "table.parquet")  # of 2, 1, 2 and 1 rows
    metadata = pq.read_metadata(tmp_path / "table.parquet")
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [2, 1 + 2, 1]


def test_csv_stream_has_one_header(tmp_path: Path) -> None:
    with (tmp_path / "stream.csv").open("w", encoding="utf-8") as stream:
        write_csv(frames(), stream)
    lines = (tmp_path / "stream.csv").read_text(encoding="utf-8").splitlines()
    assert [line.startswith("path,") for line in lines] == [True, False, False, False]


def test_json_survives_every_line_separator_in_a_name(tmp_path: Path) -> None:
    names = ["a\u2028b.png", "c\x85d.png", 'quote".png', "line\nbreak.png"]
    WRITERS[".json"]([pd.DataFrame({"path": names})], tmp_path / "table.json")
    assert [row["path"] for row in json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))] == names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("table.xlsx", r"unknown kind of table; name it \*\.csv"),
        ("photos.csv", "is a folder"),
        ("nowhere/table.csv", "the folder .*nowhere does not exist"),
        ("there.csv", "already exists; name another file, or add --force"),
    ],
)
def test_impossible_target_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "photos.csv").mkdir()
    (tmp_path / "there.csv").touch()
    with pytest.raises(TableError, match=message):
        check_target(tmp_path / name)
    check_target(tmp_path / "there.csv", force=True)


def test_a_table_as_csv_runs_nothing_and_keeps_its_numbers() -> None:
    table = pd.DataFrame({"file": ["=cmd|' /C calc'!A0.png", "a, b.png"], "value": [-1.5, 2.0]}, index=[7, 8])
    assert inert_csv(table) == "file,value\n'=cmd|' /C calc'!A0.png,-1.5\n\"a, b.png\",2.0\n"
