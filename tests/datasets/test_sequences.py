"""Sequences on disk: lists, vectors, series, and all that may be wrong with them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trees import csv_lines, draw, write_lines
from typer import Exit

from fisa.commands.data import check
from fisa.datasets import BadData, DataError, open_collection, open_dataset, open_splits
from fisa.datasets.sequences import SequenceSet, sequence_inputs
from fisa.emotions import MIKELS8
from fisa.images import ImageRefused

LABELS = MIKELS8.labels
STEPS = 4


def frame(number: int, step: int, steps: int) -> str:
    return "" if step == steps - 1 else f"f/{number}-{step}.png"


def rows(sequences: int = 12, steps: int = STEPS) -> list[list[object]]:
    """Sequence s00, s01, ...: steps at 10, 12, 14, ... s; frames but for the last step; label by number."""
    return [
        [f"s{number:02d}", 10 + 2 * step, frame(number, step, steps), LABELS[(number + step // 2) % 8]]
        for number in range(sequences)
        for step in range(steps)
    ]


def write(
    root: Path, body: list[list[object]], header: tuple[str, ...] = ("sequence", "time", "frame", "label")
) -> Path:
    for seed, name in enumerate(str(row[2]) for row in body if row[2]):
        if not (root / name).exists() and ".." not in name:
            draw(root / name, seed)
    write_lines(root / "manifest.csv", csv_lines(header, body))
    for label in LABELS:  # a folder says nothing here
        (root / label).mkdir(exist_ok=True)
    return root


def opened(root: Path, split: str = "all", **options: bool) -> SequenceSet:
    data = open_dataset("sequences", root, split, **options)
    assert isinstance(data, SequenceSet)
    return data


def problems(root: Path) -> pd.DataFrame:
    with pytest.raises(BadData) as caught:
        opened(root)
    return caught.value.problems


def test_labels_steps_and_frames(tmp_path: Path) -> None:
    body = rows()
    data = opened(write(tmp_path, list(reversed(body))))  # in any order
    assert data.space == MIKELS8 and len(data) == 12 and data.lengths.tolist() == [STEPS] * 12
    first = data.manifest[data.manifest["id"] == "s03"]
    # Two seconds are the usual gap, and so one step; the first step is at 0.
    assert first["time"].to_list() == [0, 1, 2, 3] and first["step"].to_list() == [0, 1, 2, 3]
    np.testing.assert_array_equal(first[list(LABELS)].to_numpy().argmax(1), [3, 3, 4, 4])
    assert first["path"].to_list() == ["f/3-0.png", "f/3-1.png", "f/3-2.png", None]
    inputs = sequence_inputs(data, 8)
    assert inputs.frames is not None and inputs.frames.shape == (36, 8, 8, 3)
    assert (inputs.places[:, :3] >= 0).all() and (inputs.places[:, 3] == -1).all()
    assert data.frames is not None
    with pytest.raises(DataError, match="has no picture"):
        data.frames[3]


def test_distributions_of_unequal_lengths(tmp_path: Path) -> None:
    votes = np.random.default_rng(0).multinomial(5, np.full(8, 1 / 8), 6)
    body = [["a", 0, "", *votes[0]], *(["b", step, "", *votes[step]] for step in range(1, 6))]
    data = opened(write(tmp_path, body, ("sequence", "time", "frame", *LABELS)))
    assert data.lengths.tolist() == [1, 5] and set(data.manifest["votes"]) == {5}
    np.testing.assert_allclose(data.manifest[list(LABELS)], votes / 5)
    inputs = sequence_inputs(data, 8)
    assert inputs.frames is None and inputs.exists.tolist() == [[True] + [False] * 4, [True] * 5]
    np.testing.assert_array_equal(inputs.time, [[0, 0, 0, 0, 0], [0, 1, 2, 3, 4]])


def test_dates_and_series(tmp_path: Path) -> None:
    body = [["a", f"2024-05-01T10:00:{second:02d}Z", "", LABELS[second % 8]] for second in (0, 10, 20)]
    root = write(tmp_path, body)
    write_lines(root / "series" / "rain.csv", ["time,value", "2024-05-01T09:59:55Z,1", "2024-05-01T10:00:15Z,2"])
    own = ["sequence,time,value", "a,2024-05-01T10:00:05Z,7", "a,2024-05-01T10:00:25Z,8"]
    write_lines(root / "series" / "news.csv", own)
    data = opened(root)
    assert data.manifest["time"].to_list() == [0, 1, 2]
    # A step lasts ten seconds; what comes after the last step is not known at any.
    (rain,), (news,) = data.series["rain"], data.series["news"]
    np.testing.assert_allclose(rain.times, [-0.5, 1.5])
    assert rain.values.tolist() == [1, 2] and news.times.tolist() == [0.5] and news.values.tolist() == [7]


def test_a_series_of_another_sequence_is_missing_and_history_is_bounded(tmp_path: Path) -> None:
    root = write(tmp_path, rows(2))
    lines = [f"s01,{time},{time}" for time in range(-90, 11)]
    write_lines(root / "series" / "x.csv", ["sequence,time,value", *reversed(lines)])
    series = opened(root).series["x"]
    assert len(series[0].times) == 0
    # Of the 101 events up to the first step, at time 10, the last 32 are kept: from -21 on.
    assert series[1].values.tolist() == list(range(-21, 11)) and series[1].times[-1] == 0


@pytest.mark.parametrize("form", ["columns", "lists", "file"])
def test_vectors(tmp_path: Path, form: str) -> None:
    values = np.random.default_rng(0).normal(size=(8, 3))
    values[2] = np.nan
    table = pd.DataFrame(rows(2), columns=["sequence", "time", "frame", "label"]).drop(columns="frame")
    root = tmp_path / "set"
    root.mkdir()
    table["space"] = "mikels8"
    if form == "columns":
        for column in range(3):
            table[f"text_{column}"] = values[:, column]
        table.to_csv(root / "manifest.csv", index=False)
    elif form == "lists":
        table["text"] = [None if np.isnan(row).any() else list(row) for row in values]
        table.to_parquet(root / "manifest.parquet")
    else:
        table.to_csv(root / "manifest.csv", index=False)
        np.savez(root / "vectors.npz", text=values)
    data = opened(root)
    assert list(data.vectors) == ["text"] and data.vectors["text"].values.dtype == np.float32
    np.testing.assert_array_equal(data.vectors["text"].present, [True, True, False, *[True] * 5])
    np.testing.assert_allclose(data.vectors["text"].values, np.nan_to_num(values), rtol=1e-6)


def test_words_are_no_vectors(tmp_path: Path) -> None:
    body = [[*row, "hello there"] for row in rows(2)]
    data = opened(write(tmp_path, body, ("sequence", "time", "frame", "label", "text")))
    assert data.vectors == {}


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    body = rows(4)
    body[1][3] = "joyful"  # row 3 of the file, whose header is row 1
    body[2][1] = "noon"
    body[5][2] = "f/none.png"
    body[6][2] = "../outside.png"
    body[9][1] = body[8][1]
    header = ("sequence", "time", "frame", "label", "split", "text_0", "text_1")
    wide = [[*row, "train", 1.5, 2.5] for row in body]
    wide[12][4] = "test"
    wide[13][4] = "later"
    wide[7][6] = ""
    root = write(tmp_path, wide, header)
    (root / "f" / "none.png").unlink()
    write_lines(root / "series" / "x.csv", ["sequence,time,value", "s00,1,2", "s09,1,2", "s00,soon,2", "s00,2,much"])
    write_lines(root / "series" / "y.csv", ["when,what", "1,2"])
    write_lines(root / "series" / "x.tsv", ["time\tvalue", "1\t2"])
    (root / "vectors.npz").write_bytes(b"no arrays")
    draw(tmp_path.parent / "outside.png", 0)
    found = problems(root)
    told = {(row.file, None if pd.isna(row.row) else int(row.row)): row.problem for row in found.itertuples()}
    assert "unknown label 'joyful'" in told["manifest.csv", 3]
    assert "neither a number nor" in told["manifest.csv", 4]
    assert "no such image" in told["manifest.csv", 7]
    assert "leads out of the data folder" in told["manifest.csv", 8]
    assert "a part of its text vector is missing" in told["manifest.csv", 9]
    assert "another step at this time" in told["manifest.csv", 10] and ("manifest.csv", 11) in told
    assert "unknown split" in told["manifest.csv", 15] and "two splits" in told["manifest.csv", 14]
    assert "a sequence that the list does not have" in told["series/x.csv", 3]
    assert "its time is neither" in told["series/x.csv", 4] and "its value is no number" in told["series/x.csv", 5]
    assert "no columns time and value" in told["series/y.csv", None]
    assert "another file is the series x, too" in told["series/x.tsv", None]
    assert "cannot be read as NumPy arrays" in told["vectors.npz", None]
    assert (found["mend"] != "").all()


def test_what_is_wrong_can_be_left_out(tmp_path: Path) -> None:
    body = rows(3)
    body[1][3] = "joyful"
    root = write(tmp_path, body)
    (root / "f" / "0-0.png").write_bytes(b"no picture")
    data = opened(root, skip_bad=True)
    # The step without a label is gone; the one whose picture cannot be decoded stays, without it.
    assert data.lengths.tolist() == [3, 4, 4] and data.manifest["step"].to_list()[:4] == [0, 1, 2, 0]
    assert data.manifest["path"][0] is None and data.manifest["time"].to_list()[:3] == [0, 2, 3]
    body[1][3] = LABELS[0]
    write(root, body)
    with pytest.raises(ImageRefused, match=r"0-0\.png"):
        sequence_inputs(opened(root), 8)


def test_no_pickle(tmp_path: Path) -> None:
    root = write(tmp_path, rows(2))
    np.savez(root / "vectors.npz", text=np.array([object()] * 8, dtype=object), allow_pickle=True)
    (problem,) = problems(root)["problem"]
    assert "cannot be read as NumPy arrays" in problem


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((3, 2)), r"float64 \[3, 2\], expected numbers \[8, D\]"),
        (np.zeros(8), r"\[8\]"),
        (np.array(["a"] * 8).reshape(8, 1), "<U1"),
    ],
)
def test_vectors_of_other_shapes(tmp_path: Path, array: np.ndarray, says: str) -> None:
    root = write(tmp_path, rows(2))
    np.savez(root / "vectors.npz", speech=array)
    with pytest.raises(BadData, match=says):
        opened(root)


def test_a_sequence_lies_in_one_split(tmp_path: Path) -> None:
    root = write(tmp_path, rows(40))
    splits = open_splits("sequences", root)
    ids = {name: set(data.manifest["id"]) for name, data in splits.items()}
    assert len(set.union(*ids.values())) == 40 == sum(map(len, ids.values()))
    assert {name: len(data) for name, data in splits.items()} == {"train": 28, "validation": 4, "test": 8}
    assert all((data.manifest["split"] == name).all() for name, data in splits.items())
    folds = [set(open_dataset("sequences", root, "test", fold=(number, 4)).manifest["id"]) for number in range(1, 5)]
    assert len(set.union(*folds)) == 40 == sum(map(len, folds))


def test_named_splits_are_used(tmp_path: Path) -> None:
    body = [[*row, "test" if row[0] == "s01" else "train"] for row in rows(12)]
    splits = open_splits("sequences", write(tmp_path, body, ("sequence", "time", "frame", "label", "split")))
    assert splits["test"].manifest["id"].unique().tolist() == ["s01"] and len(splits["validation"]) > 0


def test_version_follows_content(tmp_path: Path) -> None:
    root = write(tmp_path, rows(3))
    versions = [opened(root).version, opened(root).version]
    draw(root / "f" / "0-0.png", 99)
    versions.append(opened(root).version)
    write_lines(root / "series" / "x.csv", ["time,value", "0,1"])
    versions.append(opened(root).version)
    assert versions[0] == versions[1] and len(set(versions)) == 3


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (("name", "time", "frame", "label"), "needs the columns sequence and time"),
        (("sequence", "time", "frame", "word"), "no columns of emotions"),
    ],
)
def test_a_list_that_cannot_be_read(tmp_path: Path, header: tuple[str, ...], says: str) -> None:
    with pytest.raises(DataError, match=says):
        opened(write(tmp_path, rows(2), header))


def test_no_list(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no list of steps"):
        open_collection("sequences", tmp_path)
    with pytest.raises(DataError, match="has no split 'iid'"):
        opened(write(tmp_path, rows(2)), "iid")


def test_the_check_tells_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path, rows(12))
    check("sequences", root, as_json=False, workers=None, skip_bad=True, resume=True)
    told = capsys.readouterr().out
    assert "48 labelled steps" in told and "36 images read" in told and "train 7, validation 2, test 3" in told
    (root / "f" / "0-0.png").write_bytes(b"no picture")
    body = rows(12)
    body[5][3] = "joyful"
    write(root, body)
    with pytest.raises(Exit):
        check("sequences", root, as_json=False, workers=None, skip_bad=False, resume=True)
    told = capsys.readouterr().out
    assert "0-0.png" in told and "joyful" in told and "1 refused" in told
