"""The folder of parts: each shard once, whatever was cut short, and readers that see one table."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from fisa import parts
from fisa.parts import MANIFEST, Parts, write_draft
from fisa.shards import Shard, ShardError
from fisa.tables import TableError

TERMS = {"run": "0123", "batch_size": 32}


def shard(number: int, names: Iterable[str] = ("a", "b")) -> Shard:
    return Shard(number, tuple((Path(f"{number}/{name}.png"), None) for name in names))


def rows(one: Shard) -> pd.DataFrame:
    reasons = [None] * (len(one.entries) - 1) + [f"{one.number}: is damaged"]
    return pd.DataFrame(
        {
            "path": pd.Series([str(path) for path, _ in one.entries], dtype="str"),
            "awe": 0.5,
            "refused": pd.Series(reasons, dtype="str"),
        }
    )


def fill(folder: Path, count: int, resume: bool = False) -> Parts:
    """Add the parts 0 to count - 1, the last one first."""
    filled = Parts(folder, TERMS, resume, force=False)
    for number in reversed(range(count)):
        filled.add(*write_draft(folder, shard(number), rows(shard(number))))
    return filled


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_readers_see_one_table_in_the_order_of_the_list(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    filled = fill(folder, 12)
    write_draft(folder, shard(3), rows(shard(3)))  # a second try whose result nobody took
    filled.close(12)
    assert names(folder) == [MANIFEST, *(f"part-{number:06}.parquet" for number in range(12))]
    expected = pd.concat([rows(shard(number)) for number in range(12)], ignore_index=True)
    pd.testing.assert_frame_equal(pd.read_parquet(folder), expected)
    assert filled.reasons(7) == ["7: is damaged"]


def test_a_later_call_goes_on_with_what_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    fill(folder, 4)
    (folder / "part-000001.parquet").write_bytes(b"PAR1")
    (folder / "part-000002.parquet").unlink()
    write_draft(folder, shard(9), rows(shard(9)))
    with (folder / MANIFEST).open("a") as manifest:
        manifest.write('{"number": 4, "entr')  # killed as it was listed
    again = Parts(folder, TERMS, resume=True, force=False)
    assert [number for number in range(6) if again.finished(shard(number))] == [0, 3]
    assert not list(folder.glob("*.unfinished"))
    again.add(*write_draft(folder, shard(4), rows(shard(4))))
    assert Parts(folder, TERMS, resume=True, force=False).finished(shard(4)) is not None
    part = again.finished(shard(3))
    assert part is not None and (part.number, part.rows) == (3, 2)


def test_another_list_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    filled = fill(folder, 2)
    with pytest.raises(ShardError, match="table: was begun with another list of images"):
        filled.finished(shard(1, "ac"))
    with pytest.raises(ShardError, match="another list"):
        filled.close(1)


@pytest.mark.parametrize(("name", "other"), [("run", "4567"), ("batch_size", 8)])
def test_other_terms_are_refused(tmp_path: Path, name: str, other: object) -> None:
    folder = tmp_path / "table"
    fill(folder, 1)
    message = f"table: was begun with {name.replace('_', ' ')} {TERMS[name]}, not {other}; give the same, or start"
    with pytest.raises(ShardError, match=message):
        Parts(folder, {**TERMS, name: other}, resume=True, force=False)


def test_what_is_there_asks_for_a_decision(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    fill(folder, 2)
    with pytest.raises(ShardError, match=r"table: already holds a table or part of one; add --resume .* or --force"):
        Parts(folder, TERMS, resume=False, force=False)
    assert len(names(folder)) == 3
    Parts(folder, TERMS, resume=False, force=True)
    assert names(folder) == [MANIFEST]


def test_what_is_not_ours_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").touch()
    with pytest.raises(ShardError, match=r"thesis: is in the way, with chapter\.txt in it"):
        Parts(tmp_path / "thesis", TERMS, resume=False, force=True)
    (tmp_path / "file").touch()
    with pytest.raises(ShardError, match="file: is a file; name a folder"):
        Parts(tmp_path / "file", TERMS, resume=False, force=True)
    with pytest.raises(TableError, match=r"nowhere/table: cannot be written"):
        Parts(tmp_path / "nowhere" / "table", TERMS, resume=False, force=False)


@pytest.mark.parametrize("content", ["[]\n", "{}\n[1]\n", "{\n", '{}\n{"number": 1}\n'])
def test_a_damaged_manifest_is_told(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "table"
    fill(folder, 1)
    (folder / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(ShardError, match="table"):
        Parts(folder, TERMS, resume=True, force=False)


def test_a_call_killed_before_it_began_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / MANIFEST).write_text('{"run"', encoding="utf-8")
    fill(folder, 1, resume=True).close(1)
    assert len(pd.read_parquet(folder)) == 2
    assert json.loads((folder / MANIFEST).read_text(encoding="utf-8").splitlines()[0]) == TERMS


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "table"
    filled = fill(folder, 1)
    monkeypatch.setattr(parts.os, "fsync", full)
    with pytest.raises(TableError, match=r"unfinished: cannot be written \(No space left on device\)"):
        write_draft(folder, shard(1), rows(shard(1)))
    assert names(folder) == [MANIFEST, "part-000000.parquet"]
    assert filled.finished(shard(0))
