"""Lists to tables by shards: whole or not at all, and after any interruption what it would have been without."""

import gc
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from albums import noise_album
from tiny import save_untrained

from fisa import shards, tables
from fisa.files import find_files
from fisa.prediction import count_files, predict_files
from fisa.runs import Run
from fisa.shards import ShardError, cut_shards, partial_folder, predict_table
from fisa.tables import TableError

SIZE = 4  # entries of a shard here


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return save_untrained(tmp_path_factory.mktemp("run") / "cnn")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_album(tmp_path_factory.mktemp("album"))


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", SIZE)


class Stopped(Exception):
    pass


def interrupt(run: Run, paths: list[Path], target: Path, after: int, **options: object) -> None:
    """Predict, and stop as the rows of ``after`` files are there."""
    seen = 0

    def watch(frame: pd.DataFrame) -> None:
        nonlocal seen
        seen += len(frame)
        if seen >= after:
            raise Stopped

    with pytest.raises(Stopped):
        predict_table(run, paths, target, batch_size=3, watch=watch, **options)  # type: ignore[arg-type]


def kept(target: Path) -> list[str]:
    return sorted(file.name for file in partial_folder(target).iterdir())


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_are_those_of_the_stream(
    run: Run, album: Path, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP", 2 * SIZE)
    target = tmp_path / "table.parquet"
    predict_table(run, [album], target, batch_size=3, workers=workers)
    expected = pd.concat(predict_files(run, [album], batch_size=3), ignore_index=True)
    # Batches are cut at shards (3 + 1, not 3 + 3), which may change the last bits.
    pd.testing.assert_frame_equal(pd.read_parquet(target), expected, rtol=0, atol=1e-6)
    metadata = pq.read_metadata(target)
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [8, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
@pytest.mark.parametrize("after", [5, 10])
def test_interrupted_and_resumed_is_the_file_of_an_uninterrupted_call(
    run: Run, album: Path, tmp_path: Path, suffix: str, after: int
) -> None:
    whole, target = tmp_path / f"whole{suffix}", tmp_path / f"table{suffix}"
    predict_table(run, [album], whole, batch_size=3)
    interrupt(run, [album], target, after)
    assert not target.exists()
    rows: list[pd.DataFrame] = []
    steps: list[tuple[int, int]] = []
    written: list[tuple[int, int]] = []
    predict_table(
        run,
        [album],
        target,
        batch_size=3,
        resume=True,
        watch=rows.append,
        progress=lambda done, total: steps.append((done, total)),
        writing=lambda done, total: written.append((done, total)),
    )
    assert target.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"table{suffix}", f"whole{suffix}"]
    assert [Path(path).name for path in pd.concat(rows)["path"]] == [f"{number}.png" for number in range(10)]
    assert steps[0] == (4, 10) and steps[-1] == (10, 10)  # the first shard at once
    assert written == [(4, 10), (8, 10), (10, 10)]


def test_finished_shards_are_not_predicted_again(
    run: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "table.csv"
    interrupt(run, [album], target, after=8)  # as the second shard's last rows come, before they are kept
    assert kept(target) == ["00000.parquet", "manifest.json"]
    predicted = []
    plain = Run.predict
    monkeypatch.setattr(Run, "predict", lambda self, *given: predicted.append(len(given[0])) or plain(self, *given))
    predict_table(run, [album], target, batch_size=3, resume=True)
    assert predicted == [3, 1, 2]  # shards 1 and 2; 3.png, the refused one, is in shard 0


def test_leftover_shards_ask_for_a_decision(run: Run, album: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    interrupt(run, [album], target, after=5)
    with pytest.raises(ShardError, match=r"table\.csv\.partial: .*interrupted.* add --resume .* or --force"):
        predict_table(run, [album], target)
    assert kept(target) == ["00000.parquet", "manifest.json"]
    predict_table(run, [album / "1.png"], target, force=True)
    assert len(pd.read_csv(target)) == 1 and not partial_folder(target).exists()


def test_without_a_finished_shard_nothing_is_left(run: Run, album: Path, tmp_path: Path) -> None:
    interrupt(run, [album], tmp_path / "table.csv", after=3)
    assert list(tmp_path.iterdir()) == []


def test_resume_without_anything_left_begins(run: Run, album: Path, tmp_path: Path) -> None:
    predict_table(run, [album], tmp_path / "table.csv", resume=True)
    assert len(pd.read_csv(tmp_path / "table.csv")) == 10


def test_another_run_list_or_setting_is_refused_and_the_work_kept(run: Run, album: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    interrupt(run, [album], target, after=9)
    other = save_untrained(tmp_path / "other", seed=1)
    with pytest.raises(ShardError, match=f"begun with run {run.digest}, not {other.digest}"):
        predict_table(other, [album], target, batch_size=3, resume=True)
    with pytest.raises(ShardError, match="begun with batch size 3, not 5"):
        predict_table(run, [album], target, batch_size=5, resume=True)
    for paths in ([album / "1.png", album], [album / "0.png"], [*album.glob("[0-3].png")][::-1]):
        with pytest.raises(ShardError, match=r"table\.csv\.partial: was begun with another list of images; "):
            predict_table(run, paths, target, batch_size=3, resume=True)
    # The first shard is the same, and there the list ends: the second is too many.
    with pytest.raises(ShardError, match="another list"):
        predict_table(run, [album / f"{number}.png" for number in range(4)], target, batch_size=3, resume=True)
    assert kept(target) == ["00000.parquet", "00001.parquet", "manifest.json"]
    assert not target.exists()


def test_a_damaged_shard_is_made_again(run: Run, album: Path, tmp_path: Path) -> None:
    whole, target = tmp_path / "whole.parquet", tmp_path / "table.parquet"
    predict_table(run, [album], whole, batch_size=3)
    interrupt(run, [album], target, after=9)
    (partial_folder(target) / "00000.parquet").write_bytes(b"PAR1")
    predict_table(run, [album], target, batch_size=3, resume=True)
    assert target.read_bytes() == whole.read_bytes()


def test_damage_inside_a_shard_and_in_the_manifest_is_told(run: Run, album: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    interrupt(run, [album], target, after=5)
    shard, manifest = partial_folder(target) / "00000.parquet", partial_folder(target) / "manifest.json"
    content = shard.read_bytes()
    shard.write_bytes(content[:4] + bytes(200) + content[204:])  # the footer is whole, the rows are not
    with pytest.raises(ShardError, match=r"00000\.parquet: cannot be read .*; delete it and go on with --resume"):
        predict_table(run, [album], target, batch_size=3, resume=True)
    manifest.write_text("{", encoding="utf-8")
    with pytest.raises(ShardError, match=r"manifest\.json: is damaged; start anew with --force"):
        predict_table(run, [album], target, batch_size=3, resume=True)


def test_existing_table_is_kept_until_the_new_one_is_whole(run: Run, album: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("precious", encoding="utf-8")
    for resume in (False, True):
        with pytest.raises(TableError, match=r"table\.csv: already exists.*--force"):
            predict_table(run, [album], target, resume=resume)
    interrupt(run, [album], target, after=5, force=True)
    assert target.read_text(encoding="utf-8") == "precious"
    predict_table(run, [album], target, batch_size=3, force=True, resume=True)
    assert len(pd.read_csv(target)) == 10


@pytest.mark.parametrize("options", [{"resume": True}, {"force": True}, {}])
def test_a_second_call_beside_the_first_is_refused(
    run: Run, album: Path, tmp_path: Path, options: dict[str, bool]
) -> None:
    target = tmp_path / "table.csv"
    (tmp_path / "table.csv.partial.lock").touch()  # a kill left it
    refusals = []

    def watch(frame: pd.DataFrame) -> None:
        with pytest.raises(TableError) as refusal:
            predict_table(run, [album], target, **options)  # type: ignore[arg-type]
        refusals.append(str(refusal.value))

    predict_table(run, [album], target, watch=watch)
    assert set(refusals) == {f"{target}: another process makes it; wait for it to end, or name another --out"}
    assert len(pd.read_csv(target)) == 10
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_table_made_meanwhile_is_not_overwritten(run: Run, album: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    with pytest.raises(TableError, match=r"table\.csv: already exists"):
        predict_table(
            run, [album], target, watch=lambda frame: target.write_text("precious", encoding="utf-8") and None
        )
    assert target.read_text(encoding="utf-8") == "precious"
    assert "00002.parquet" in kept(target)


def test_files_are_counted_aloud(run: Run, album: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    count = count_files([album] * 250, lambda done, total: seen.append((done, total)))
    assert count == 2500 and seen == [(1000, 0), (2000, 0)]


def test_what_is_not_ours_is_not_removed(run: Run, album: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    partial_folder(target).mkdir()
    (partial_folder(target) / "thesis.txt").write_text("precious", encoding="utf-8")
    for force in (False, True):
        with pytest.raises(ShardError, match=r"table\.csv\.partial: is in the way, with thesis\.txt in it"):
            predict_table(run, [album], target, force=force)
    assert kept(target) == ["thesis.txt"]


def test_a_full_disk_is_one_sentence_and_the_work_is_kept(
    run: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "table.csv"
    plain = pq.write_table

    def full(table: object, file: Path, **options: object) -> None:
        if target.with_name("table.csv.partial").joinpath("00000.parquet").exists():
            raise OSError(28, "No space left on device")
        plain(table, file, **options)

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(TableError, match=r"00001\.parquet: cannot be written \(No space left on device\)"):
        predict_table(run, [album], target)
    assert kept(target) == ["00000.parquet", "manifest.json"]


def test_a_list_is_cut_into_numbered_shards(album: Path) -> None:
    parts = list(cut_shards(find_files([album])))
    assert [(part.number, len(part.entries)) for part in parts] == [(0, 4), (1, 4), (2, 2)]
    assert len({part.digest for part in parts}) == 3
    assert [part.digest for part in cut_shards(find_files([album]))] == [part.digest for part in parts]
    assert [(part.number, part.entries) for part in cut_shards([])] == [(0, ())]


def test_an_empty_list_is_an_empty_table(run: Run, tmp_path: Path) -> None:
    predict_table(run, [], tmp_path / "table.parquet")
    assert list(pd.read_parquet(tmp_path / "table.parquet").columns)[:2] == ["path", "amusement"]


def test_done_shards_are_let_go(run: Run, album: Path, tmp_path: Path) -> None:
    alive: list[int] = []

    def watch(frame: pd.DataFrame) -> None:
        alive.append(sum(type(each) is shards.Shard for each in gc.get_objects()))

    predict_table(run, [album / "1.png"] * (40 * SIZE), tmp_path / "table.parquet", batch_size=SIZE, watch=watch)
    # The one whose rows come and the one whose files are being decoded; itertools.tee would keep them all.
    assert len(alive) == 40 and max(alive) <= 3
