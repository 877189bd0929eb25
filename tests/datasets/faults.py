"""A folder with one good image and a list, and what opening says of the faults that a test adds."""

from pathlib import Path

import pytest
import trees

from fisa.datasets import BadData, open_collection, open_dataset
from fisa.emotions import MIKELS8

MIKELS = list(MIKELS8.labels)
HEADER = ["image", *MIKELS]
GOOD = ["good.png", 1, 0, 0, 0, 0, 0, 3, 0]


def one_image(folder: Path) -> Path:
    """Make ``folder`` with good.png alone; :data:`GOOD` is its row."""
    folder.mkdir()
    trees.draw(folder / "good.png", 0)
    return folder


def problems(root: Path, name: str = "folder") -> list[tuple[object, str, str, str]]:
    """Row, image, problem and mend of everything that strict opening refuses; the rest opens with skip_bad."""
    with pytest.raises(BadData) as refused:
        open_dataset(name, root, "all")
    table = refused.value.problems
    assert str(refused.value).startswith(f"{root.resolve()}: {len(table)} problem")
    assert "\n" not in str(refused.value) and str(table["problem"].iloc[0]) in str(refused.value)
    collection = open_collection(name, root, skip_bad=True)
    assert collection.problems.table.equals(table)
    return list(table[["row", "image", "problem", "mend"]].itertuples(index=False, name=None))


def rows(root: Path, *bad: list[object], header: list[str] = HEADER) -> None:
    trees.write_lines(root / "manifest.csv", trees.csv_lines(header, [GOOD[: len(header)], *bad]))
