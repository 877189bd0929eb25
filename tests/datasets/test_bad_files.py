"""Lists and images that cannot be used are named; what is left is used, and nothing on disk changes."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trees
from faults import GOOD, one_image, rows

from fisa.datasets import BadData, DataError, open_dataset, open_splits, reading
from fisa.datasets.found import recognise
from fisa.images import ImageRefused

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return one_image(tmp_path / "set")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no rows; check the file"),
        (b"image,label\n", "holds no rows; check the file"),
        (b"image,label\ngood.png,\xe9\n", "is not text in UTF-8; save it as UTF-8"),
        (b'image,label\n"good.png,awe\n', 'a quotation mark (") is opened and not closed; close or remove it'),
        (b"image,label,label\ngood.png,awe,awe\n", "the column 'label' stands twice; remove one"),
        (b"photo,label\ngood.png,awe\n", "no column of images; name it image"),
        (b"image,label\ngood.png,bored\n", "'bored' is in no label space; name their space in a column space"),
        (b"image,label,space\ngood.png,awe,mikels\n", "the column space holds 'mikels'; name one of mikels8, "),
        (
            b"image,amusement,awe\ngood.png,1,2\n",
            "no column for contentment, excitement, anger, disgust, fear, sadness",
        ),
        (
            b"image,label,valence (9 to 1)\ngood.png,awe,2\n",
            "the header 'valence (9 to 1)' states no range; write it as ",
        ),
        (b"image,x\ngood.png,1\n", "no columns of emotions, and none named label, emotion, class; "),
    ],
)
def test_lists_that_cannot_be_used(root: Path, content: bytes, sentence: str) -> None:
    (root / "x.csv").write_bytes(content)
    with pytest.raises(DataError) as refused:
        open_dataset("folder", root)
    assert str(refused.value).startswith(f"{root.resolve() / 'x.csv'}: {sentence}")


def test_a_damaged_parquet_or_matlab_file(root: Path) -> None:
    (root / "x.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as Parquet"):
        open_dataset("folder", root)
    trees.ldl(root)
    (root / "a_ldl_config.mat").write_bytes(b"MATLAB 7.3 nothing")
    with pytest.raises(DataError, match=r"a_ldl_config\.mat: cannot be read as MATLAB"):
        open_dataset("flickr-ldl", root)


def test_several_lists(root: Path) -> None:
    rows(root)
    (root / "other.csv").write_text("x")
    assert len(open_dataset("folder", root, "all")) == 1  # the one called manifest
    (root / "manifest.csv").rename(root / "mine.csv")
    with pytest.raises(DataError, match=r"several lists \(mine.csv, other.csv\); call the one meant manifest.csv"):
        open_dataset("folder", root)


@pytest.mark.parametrize("write", ["csv", "parquet"])
def test_a_list_that_is_too_long_is_refused_before_it_fills_the_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 1000)
    table = pd.DataFrame({"image": ["good.png"] * 1001, "label": "awe", "space": "mikels8"})
    if write == "csv":
        table.to_csv(root / "x.csv", index=False)
    else:
        table.to_parquet(root / "x.parquet")
    with pytest.raises(DataError, match=rf"x\.{write}: .*1,00[01] rows; split the list"):
        open_dataset("folder", root)
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    with pytest.raises(DataError, match=rf"x\.{write}: .* bytes, limit 100; split the list"):
        open_dataset("folder", root)


def test_a_column_that_stands_twice_in_parquet(root: Path) -> None:
    cells = pa.array(["good.png"]), pa.array(["other.png"]), pa.array(["awe"])
    pq.write_table(pa.Table.from_arrays(cells, names=["image", "image ", "label"]), root / "x.parquet")
    with pytest.raises(DataError, match=r"x\.parquet: the column 'image' stands twice; remove one"):
        open_dataset("folder", root)


@pytest.mark.parametrize("name", ["~nobody-of-this-name/photos", "x" * 300, "nul\0", "x" * 300 + ".npz"])
@pytest.mark.parametrize("kind", ["folder", "features"])
def test_paths_that_cannot_be(name: str, kind: str, tmp_path: Path) -> None:
    root = name if name.startswith("~") else str(tmp_path / name)
    with pytest.raises(DataError, match="check the path"):
        open_dataset(kind, root)
    assert recognise(Path(root)).layouts == ()


def test_a_message_names_the_first_few_and_the_number(root: Path) -> None:
    rows(root, *([f"{number}.png", *GOOD[1:]] for number in range(5)))
    with pytest.raises(BadData) as refused:
        open_dataset("folder", root)
    assert str(refused.value) == (
        f"{root.resolve()}: 5 problems, which data.skip_bad would leave out: "
        + "; ".join(
            f"manifest.csv row {row} ({row - 3}.png): no such image (correct the name, or put the image there)"
            for row in (3, 4, 5)
        )
        + "; and 2 more"
    )


@pytest.mark.parametrize("content", [b"a text file", b"", None], ids=["text", "empty", "cut short"])
def test_what_cannot_be_decoded(root: Path, content: bytes | None) -> None:
    trees.classes(root, 3)
    (root / "good.png").unlink()
    file = root / "awe" / "awe_01.jpg"
    file.write_bytes(file.read_bytes()[:-200] if content is None else content)
    data = open_dataset("fi", root, "all")  # opening decodes nothing
    with pytest.raises(ImageRefused, match=r"awe_01\.jpg"):
        data[data.manifest["path"].to_list().index("awe/awe_01.jpg")]
    kept = open_dataset("fi", root, "all", skip_bad=True)
    assert len(kept) == 23 and "awe/awe_01.jpg" not in kept.manifest["path"].to_list()


def test_nothing_is_left(root: Path) -> None:
    rows(root, ["gone.png", *GOOD[1:]])
    (root / "good.png").unlink()
    with pytest.raises(DataError, match="no usable image is left; `python -m fisa data check` says why"):
        open_splits("folder", root, skip_bad=True)


def test_a_read_only_root(root: Path) -> None:
    trees.classes(root, 3)
    (root / "good.png").unlink()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    for folder in (root, *(path for path in root.iterdir())):
        folder.chmod(0o555)
    try:
        assert open_dataset("fi", root, "train", skip_bad=True).version
    finally:
        for folder in (root, *(path for path in root.iterdir())):
            folder.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
