"""``predict``: every kind of input, where its rows go, and what is refused."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calling import fisa, refusal
from PIL import Image

from fisa import shards
from fisa.emotions import MIKELS8
from fisa.images import decode
from fisa.runs import load_run
from fisa.shards import Partial, Shard

ROOT = Path(__file__).parent.parent
LABELS = list(MIKELS8.labels)


def noise(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every kind of bad input: names that begin with ``ok`` must be decoded, ``bad`` refused. Read only."""
    folder = tmp_path_factory.mktemp("mixed")
    image = Image.fromarray(noise())
    image.save(folder / "ok-plain.png")
    image.convert("CMYK").save(folder / "ok-cmyk.jpg")
    image.convert("L").save(folder / "ok-grey.png")
    image.quantize(16).save(folder / "ok-palette.png")
    Image.fromarray(noise()[..., 0].astype(np.uint16) * 257).save(folder / "ok-16-bit.png")
    image.resize((1, 1)).save(folder / "ok-1x1.png")
    image.resize((30_000, 10)).save(folder / "ok-30000x10.png")
    alpha = image.copy()
    alpha.putalpha(0)
    alpha.save(folder / "ok-alpha.png")
    Image.new("RGB", image.size, "white").save(folder / "ok-alpha-expected.png")
    image.save(folder / "ok-animated.png", save_all=True, append_images=[Image.new("RGB", image.size)])
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise to stand upright
    image.transpose(Image.Transpose.ROTATE_90).save(folder / "ok-exif.png", exif=exif)
    whole = (folder / "ok-plain.png").read_bytes()
    (folder / "bad-truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "bad-empty.jpg").write_bytes(b"")
    (folder / "bad-text.jpg").write_text("not an image", encoding="utf-8")
    Image.new("1", (20_000, 20_000)).save(folder / "bad-bomb.png")
    return folder


class TestPredict:
    def test_folder_of_every_kind_of_input(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        out = tmp_path / "table.parquet"
        result = fisa("predict", tiny_runs / "fisa", mixed, "--out", out)
        assert (result.exit_code, result.stdout) == (1, "")
        rows = pd.read_parquet(out)
        assert list(rows.columns) == ["path", *LABELS, "label", "entropy", "refused"]
        names = rows["path"].map(lambda path: Path(path).name)
        assert set(names) == {path.name for path in mixed.iterdir()}
        assert rows["refused"].notna().tolist() == names.str.startswith("bad").tolist()
        good = rows[rows["refused"].isna()]
        np.testing.assert_allclose(good[LABELS].sum(axis=1), 1, atol=1e-9)
        run = load_run(tiny_runs / "fisa")
        alone = [run.predict([decode(Path(path))]).distribution[0] for path in good["path"]]
        np.testing.assert_allclose(good[LABELS], alone, rtol=0, atol=1e-6)
        *refusals, count = result.stderr.splitlines()
        assert sorted(refusals) == sorted(rows["refused"].dropna())
        for name in ("bad-truncated.png", "bad-empty.jpg", "bad-text.jpg", "bad-bomb.png"):
            (line,) = [line for line in refusals if name in line]
            assert line.startswith(f"{mixed / name}: ")
        assert count == f"{len(good)} predicted, 4 refused; see {out}"

    def test_unusual_images_are_seen_as_a_person_sees_them(self, tiny_runs: Path, mixed: Path) -> None:
        result = fisa("predict", tiny_runs / "fisa", mixed)
        rows = pd.read_csv(io.StringIO(result.stdout)).set_index("path")[LABELS]

        def row(name: str) -> np.ndarray:
            return rows.loc[str(mixed / name)].to_numpy(float)

        np.testing.assert_allclose(row("ok-exif.png"), row("ok-plain.png"), atol=1e-6)
        np.testing.assert_allclose(row("ok-animated.png"), row("ok-plain.png"), atol=1e-6)
        np.testing.assert_allclose(row("ok-alpha.png"), row("ok-alpha-expected.png"), atol=1e-6)
        assert np.abs(row("ok-alpha.png") - row("ok-plain.png")).max() > 1e-6  # else the lines above prove nothing

    @pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
    def test_sound_images_are_status_0(self, tiny_runs: Path, mixed: Path, tmp_path: Path, suffix: str) -> None:
        out = tmp_path / f"table{suffix}"
        result = fisa("predict", tiny_runs / "cnn", mixed / "ok-*.png", mixed / "ok-cmyk.jpg", "--out", out)
        assert (result.exit_code, result.stdout) == (0, "")
        read = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[suffix]
        assert len(read(out)) == len(list(mixed.glob("ok-*")))

    def test_as_a_process_stdout_is_nothing_but_csv(self, tiny_runs: Path, mixed: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "fisa",
            "predict",
            tiny_runs / "cnn",
            mixed / "ok-plain.png",
            mixed / "bad-empty.jpg",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 1
        rows = pd.read_csv(io.StringIO(done.stdout))
        assert rows["refused"].isna().tolist() == [True, False]
        assert done.stderr.splitlines() == [rows["refused"][1], "1 predicted, 1 refused"]

    def test_existing_table_is_kept_unless_forced(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        out = tmp_path / "table.csv"
        out.write_text("precious", encoding="utf-8")
        line = refusal(fisa("predict", tiny_runs / "cnn", mixed / "ok-plain.png", "--out", out))
        assert line == f"{out}: already exists; name another file, or add --force to replace it"
        assert out.read_text(encoding="utf-8") == "precious"
        assert fisa("predict", tiny_runs / "cnn", mixed / "ok-plain.png", "--out", out, "--force").exit_code == 0
        assert len(pd.read_csv(out)) == 1

    def test_folder_without_images(self, tiny_runs: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        result = fisa("predict", tiny_runs / "cnn", tmp_path / "empty")
        assert result.exit_code == 1
        assert result.stderr.startswith(f"{tmp_path / 'empty'}: folder without images; ")

    def test_folder_that_cannot_be_read_is_a_row(
        self, tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def scandir(place: str) -> Iterator[os.DirEntry[str]]:
            if Path(place).name == "locked":
                raise PermissionError(13, "Permission denied", place)
            return real(place)

        real = os.scandir
        monkeypatch.setattr(os, "scandir", scandir)  # root may read every folder
        (tmp_path / "photos" / "locked").mkdir(parents=True)
        (tmp_path / "photos" / "self").symlink_to(tmp_path / "photos")
        for name in ("first.png", "zebra.png"):
            Image.fromarray(noise()).save(tmp_path / "photos" / name)
        result = fisa("predict", tiny_runs / "cnn", tmp_path / "photos")
        assert result.exit_code == 1
        rows = pd.read_csv(io.StringIO(result.stdout))
        assert [Path(path).name for path in rows["path"]] == ["first.png", "locked", "zebra.png"]
        assert rows["refused"].isna().tolist() == [True, False, True]
        assert result.stderr.splitlines() == [rows["refused"][1], "2 predicted, 1 refused"]

    def test_interrupted_and_resumed(
        self, tiny_runs: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "table.csv"
        whole = fisa("predict", tiny_runs / "cnn", mixed, "--out", tmp_path / "whole.csv")
        kept: list[int] = []

        def keep(partial: Partial, shard: Shard, rows: pd.DataFrame) -> None:
            if kept:
                raise KeyboardInterrupt
            kept.append(shard.number)
            plain(partial, shard, rows)

        with monkeypatch.context() as patch:
            plain = Partial.keep
            patch.setattr(Partial, "keep", keep)
            patch.setattr(shards, "SHARD", 4)
            broken = fisa("predict", tiny_runs / "cnn", mixed, "--out", out)
        assert broken.exit_code != 0
        assert f"interrupted; {out}.partial keeps what is done: add --resume" in broken.stderr
        again = refusal(fisa("predict", tiny_runs / "cnn", mixed, "--out", out))
        assert again.startswith(f"{out}.partial: holds the work of an interrupted call; add --resume")
        monkeypatch.setattr(shards, "SHARD", 4)
        resumed = fisa("predict", tiny_runs / "cnn", mixed, "--out", out, "--resume")
        assert resumed.exit_code == 1
        # Those of the first call too, so that what is told is the whole table's.
        assert resumed.stderr == whole.stderr.replace("whole.csv", "table.csv")
        pd.testing.assert_frame_equal(pd.read_csv(out), pd.read_csv(tmp_path / "whole.csv"), rtol=0, atol=1e-6)

    def test_missing_run(self, mixed: Path, tmp_path: Path) -> None:
        assert refusal(fisa("predict", tmp_path / "nowhere", mixed)).startswith(f"{tmp_path / 'nowhere'}: no such run")

    def test_folder_that_is_no_run(self, mixed: Path) -> None:
        assert "not a run folder" in refusal(fisa("predict", mixed, mixed))

    def test_weights_that_do_not_fit(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        shutil.copytree(tiny_runs / "fisa", tmp_path / "run")
        shutil.copy(tiny_runs / "cnn" / "model.safetensors", tmp_path / "run")
        line = refusal(fisa("predict", tmp_path / "run", mixed / "ok-plain.png"))
        assert line.startswith(f"{tmp_path / 'run' / 'model.safetensors'}: changed since it was stored")

    def test_weights_that_are_no_weights(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        shutil.copytree(tiny_runs / "cnn", tmp_path / "run")
        (tmp_path / "run" / "model.safetensors").write_bytes(b"not weights")
        out = tmp_path / "table.csv"
        line = refusal(fisa("predict", tmp_path / "run", mixed / "ok-plain.png", "--out", out))
        assert str(tmp_path / "run" / "model.safetensors") in line
        assert not out.exists()
