"""Fingerprints are made once, kept until a file changes, and made again where the cache is damaged or closed."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import trees
from PIL import Image

from fisa.datasets import known
from fisa.datasets.known import KnownFiles
from fisa.fingerprints import Fingerprint, content_digest, fingerprint


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    trees.draw_all(tmp_path / "set", NAMES)
    return tmp_path / "set"


NAMES = [f"{number}.png" for number in range(5)]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were decoded or read, in order."""
    seen: list[str] = []

    def decode(task: object, files: Sequence[Path], workers: int | None) -> list[Fingerprint]:
        return (seen.append(file.name) or fingerprint(file) for file in files)  # type: ignore[func-returns-value]

    def read(file: str) -> str | None:
        seen.append(os.path.basename(file))
        return content_digest(file)

    monkeypatch.setattr(known, "process_files", decode)
    monkeypatch.setattr(known, "content_digest", read)
    return seen


def test_each_file_is_decoded_once(root: Path, made: list[str]) -> None:
    steps: list[tuple[int, int]] = []
    first = KnownFiles(root).fingerprints(NAMES, lambda *step: steps.append(step))
    assert first == [fingerprint(root / name) for name in NAMES] and made == NAMES
    assert steps == [(number, 5) for number in range(6)]
    assert KnownFiles(root).fingerprints(NAMES) == first and made == NAMES
    assert list(KnownFiles(root).digests(NAMES)) == [each.digest for each in first] and made == NAMES
    KnownFiles(root).fingerprints(NAMES, fresh=True)
    assert made == NAMES * 2


def test_a_digest_alone_does_not_count_as_decoded(root: Path, made: list[str]) -> None:
    KnownFiles(root).digests(NAMES)
    KnownFiles(root).digests(NAMES)
    assert sorted(made) == NAMES
    KnownFiles(root).fingerprints(NAMES)
    assert made[5:] == NAMES


def test_what_failed_for_want_of_memory_is_tried_again(
    root: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    (root / "1.png").write_bytes(b"a text that mentions memory")
    with monkeypatch.context() as scarce:
        scarce.setattr(Image.Image, "convert", fail)
        found = KnownFiles(root).fingerprints(NAMES)
    assert [each.refused for each in found][::2] == ["does not fit into memory; scale it down"] * 3
    assert KnownFiles(root).fingerprints(NAMES) == [fingerprint(root / name) for name in NAMES]
    assert made[5:] == ["0.png", "2.png", "3.png", "4.png"]  # that of the text is known


def test_a_file_whose_fault_has_to_do_with_memory_is_decoded_once(
    root: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("its memory card was pulled out")

    monkeypatch.setattr(Image.Image, "convert", fail)
    KnownFiles(root).fingerprints(NAMES)
    assert "memory card" in str(KnownFiles(root).fingerprints(NAMES)[0].refused) and made == NAMES


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_changed_file_is_decoded_again(root: Path, made: list[str], change: str) -> None:
    KnownFiles(root).fingerprints(NAMES)
    file = root / "3.png"
    status = file.stat()
    if change == "size":
        file.write_bytes(file.read_bytes() + b"\0")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    KnownFiles(root).fingerprints(NAMES)
    assert made[5:] == ["3.png"]


def test_what_was_done_before_an_interruption_is_kept(root: Path, made: list[str]) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        KnownFiles(root).fingerprints(NAMES, interrupt)
    KnownFiles(root).fingerprints(NAMES)
    assert made == NAMES


def test_a_refusal_is_kept_and_that_of_a_file_that_may_not_be_read_is_not(root: Path, made: list[str]) -> None:
    (root / "1.png").write_text("no image")
    (root / "2.png").unlink()
    (root / "2.png").mkdir()  # decoding refuses it, and it has no content
    first = KnownFiles(root).fingerprints(NAMES)
    assert first[1].refused is not None and first[2].refused is not None and first[2].digest is None
    assert KnownFiles(root).fingerprints(NAMES) == first
    assert made[5:] == ["2.png"]


@pytest.mark.parametrize("damage", [b"", b"no data base at all" * 100])
def test_a_damaged_cache_is_made_anew(root: Path, folder: Path, made: list[str], damage: bytes) -> None:
    first = KnownFiles(root).fingerprints(NAMES)
    (file,) = folder.rglob("*.sqlite")
    file.write_bytes(damage)
    assert KnownFiles(root).fingerprints(NAMES) == first and made == NAMES * 2
    assert KnownFiles(root).fingerprints(NAMES) == first and made == NAMES * 2


def test_a_cache_folder_that_cannot_be_written(root: Path, folder: Path, made: list[str]) -> None:
    folder.write_text("a file stands where the folder should be")
    assert len(KnownFiles(root).fingerprints(NAMES)) == 5


def test_only_files_of_one_size_are_compared(root: Path, made: list[str]) -> None:
    trees.draw(root / "copy.png", 2)
    found = dict(zip([*NAMES, "copy.png"], KnownFiles(root).alike([*NAMES, "copy.png"]), strict=True))
    assert found["copy.png"] == found["2.png"] == content_digest(root / "2.png")
    sizes = [(root / name).stat().st_size for name in found]
    assert sorted(made) == sorted(name for name, size in zip(found, sizes, strict=True) if sizes.count(size) > 1)


def test_files_in_worker_processes(root: Path) -> None:
    (root / "1.png").write_text("no image")
    assert KnownFiles(root).fingerprints(NAMES, workers=1) == [fingerprint(root / name) for name in NAMES]
