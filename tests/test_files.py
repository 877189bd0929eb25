"""Finding image files: which, in what order, and what becomes of what cannot be read."""

import inspect
import os
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from fisa.files import find_files


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name in ("10.jpg", "2.JPG", "b/1.png", "b/deep/er/x.webp", "notes.txt", ".hidden.png", ".cache/t.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


ALL = ["2.JPG", "10.jpg", "b/1.png", "b/deep/er/x.webp"]


def found(root: Path, *paths: Path) -> tuple[list[str], list[str]]:
    """Files, relative to ``root``, and refusals."""
    entries = list(find_files(paths))
    files = [str(path.relative_to(root)) for path, refusal in entries if refusal is None]
    return files, [str(refusal) for _, refusal in entries if refusal is not None]


def test_folder_recursively_in_natural_order(album: Path) -> None:
    assert found(album, album) == (ALL, [])


def test_numbers_sort_by_value_letters_without_case_and_files_among_folders(tmp_path: Path) -> None:
    # By hand: 2 < 3 < 10 < 0020 < 100; a < B; a name comes before what it begins.
    ordered = ["2.png", "٣.png", "10.png", "0020.png", "100.png", "a/2.png", "a/10.png", "a2.png", "a 1.png", "B.png"]
    for name in sorted(ordered):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert found(tmp_path, tmp_path)[0] == ordered
    assert found(tmp_path, tmp_path / "**" / "*.png")[0] == ordered


def test_a_named_file_is_listed_whatever_its_suffix(album: Path) -> None:
    assert found(album, album / "notes.txt", album / ".hidden.png") == (["notes.txt", ".hidden.png"], [])


def test_paths_keep_their_order_and_each_lists_what_it_leads_to(album: Path) -> None:
    assert found(album, album / "b", album / "10.jpg", album)[0] == [*ALL[2:], "10.jpg", *ALL]


def test_it_streams(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: read.append(folder) or real(folder))
    entries = find_files([album])
    assert read == []
    assert [path.name for path, _ in islice(entries, 2)] == ["2.JPG", "10.jpg"]
    assert read == [str(album)]  # b has its turn later


def test_memory_is_the_names_of_one_folder(tmp_path: Path) -> None:
    def peak(folders: int) -> int:
        root = tmp_path / str(folders)
        for folder in range(folders):
            (root / str(folder)).mkdir(parents=True)
            for number in range(50):
                (root / str(folder) / f"{number}.png").touch()
        tracemalloc.start()
        try:
            assert sum(1 for _ in find_files([root])) == 50 * folders
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # caches of the first call
    # 1500 files more, at 50 bytes a name or more, would be 75 kB; folders are remembered, at about 300 bytes.
    assert peak(40) - peak(10) < 30_000


def test_loops_of_links_end(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def scandir(folder: str) -> Iterator[os.DirEntry[str]]:
        read.append(folder)
        assert len(read) < 20, "folders are searched again and again"
        return real(folder)

    real = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    (album / "b" / "up").symlink_to(album)
    (album / "b" / "deep" / "self").symlink_to(album / "b" / "deep")
    (album / "b" / "deep" / "twice").symlink_to(album / "b" / "deep")
    (album / "b" / "circle.png").symlink_to(album / "b" / "circle.png")
    files, refused = found(album, album)
    assert sorted(files) == sorted([*ALL, "b/circle.png"]) and refused == []


def test_folders_behind_links_are_searched_once(album: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "far.png").touch()
    (album / "link").symlink_to(elsewhere)
    (album / "link2").symlink_to(elsewhere)
    assert found(album, album)[0] == [*ALL, "link/far.png"]
    assert found(album, album / "link", album / "link2")[0] == ["link/far.png", "link2/far.png"]


def test_a_link_to_a_file_is_a_path_of_its_own(album: Path) -> None:
    (album / "again.jpg").symlink_to(album / "10.jpg")
    assert found(album, album)[0] == ["2.JPG", "10.jpg", "again.jpg", *ALL[2:]]


def test_a_tree_deeper_than_python_recurses(tmp_path: Path) -> None:
    file = tmp_path.joinpath(*["d"] * 150, "x.png")
    file.parent.mkdir(parents=True)
    file.touch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert list(find_files([tmp_path])) == [(file, None)]
    finally:
        sys.setrecursionlimit(limit)


def test_patterns(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(album, album / "*.[jJ][pP][gG]")[0] == ["2.JPG", "10.jpg"]
    assert found(album, album / "?")[0] == ["b/1.png", "b/deep/er/x.webp"]
    assert found(album, album / "**" / "*.png") == (["b/1.png"], [])
    assert found(album, album / ".cache" / "*.png") == ([".cache/t.png"], [])
    monkeypatch.chdir(album)
    assert list(find_files([Path("b/*.png")])) == [(Path("b/1.png"), None)]


def test_a_pattern_that_matches_files_and_their_folders_lists_each_once(album: Path) -> None:
    files, refused = found(album, album / "**" / "*")
    assert sorted(files) == sorted([*ALL, "notes.txt"]) and refused == []


def test_a_file_whose_name_looks_like_a_pattern(album: Path) -> None:
    (album / "a[1].png").touch()
    (album / "a1.png").touch()
    assert found(album, album / "a[1].png")[0] == ["a[1].png"]


def test_patterns_survive_loops_of_links(album: Path) -> None:
    for name in ("one", "two", "three"):
        (album / name).symlink_to(album)
    assert "b/1.png" in found(album, album / "**" / "1.png")[0]


def test_what_leads_nowhere_is_told_and_the_rest_is_found(album: Path) -> None:
    (album / "empty").mkdir()
    files, refused = found(album, album / "gone", album / "*.bmp", album / "empty", album / "10.jpg")
    assert files == ["10.jpg"]
    assert refused[0] == f"{album / 'gone'}: no such file or folder; check the path"
    assert refused[1] == f"{album / '*.bmp'}: matches no file; check the pattern"
    assert refused[2].startswith(f"{album / 'empty'}: folder without images; images end in one of .apng, .avif")
    assert len(refused) == 3


def test_dangling_link_is_listed_for_decode_to_refuse(album: Path) -> None:
    (album / "dangling.png").symlink_to(album / "gone.png")
    assert "dangling.png" in found(album, album)[0]
    assert found(album, album / "dangling.png") == (["dangling.png"], [])


def test_impossible_paths() -> None:
    entries = list(find_files([Path("nul\0.png"), Path("x" * 5000)]))
    assert len(entries) == 2 and all("is not a possible path" in str(refusal) for _, refusal in entries)


def test_below_a_file(album: Path) -> None:
    assert "no such file or folder" in found(album, album / "10.jpg" / "x.png")[1][0]


def test_unreadable_folder_is_told_in_its_place_and_the_walk_goes_on(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may read every folder, so the system's answer to others is given here.
    def scandir(folder: str) -> Iterator[os.DirEntry[str]]:
        if str(folder) == str(album / "b" / "deep"):
            raise PermissionError(13, "Permission denied", folder)
        return real(folder)

    real = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    (album / "c").mkdir()
    (album / "c" / "last.png").touch()
    entries = list(find_files([album]))
    names = [str(path.relative_to(album)) for path, _ in entries]
    assert names == ["2.JPG", "10.jpg", "b/1.png", "b/deep", "c/last.png"]
    assert [str(refusal) for _, refusal in entries if refusal] == [
        f"{album / 'b' / 'deep'}: folder cannot be read (Permission denied); ask for read permission on it"
    ]


@pytest.mark.parametrize("pattern", ["**/*.png", "*/*.png", "**/*", "**", "*/deep/er/*.webp"])
def test_a_pattern_tells_the_folder_in_which_it_could_not_look(
    album: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    def refuse(place: str | Path) -> None:
        if Path(place) == album / "b" or album / "b" in Path(place).parents:
            raise PermissionError(13, "Permission denied", place)

    def scandir(folder: str) -> Iterator[os.DirEntry[str]]:
        refuse(folder)
        return real(folder)

    def lstat(path: Path) -> os.stat_result:
        if path != album / "b":  # its name stands in the folder above, which may be read
            refuse(path)
        return real_lstat(path)

    real, real_lstat = os.scandir, Path.lstat
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "lstat", lstat)
    (album / "c").mkdir()
    (album / "c" / "3.png").touch()
    (album / ".cache").chmod(0o755)
    files, refused = found(album, album / pattern)
    assert refused == [f"{album / 'b'}: folder cannot be read (Permission denied); ask for read permission on it"]
    assert ("c/3.png" in files) == (pattern != "*/deep/er/*.webp")


@pytest.mark.parametrize("pattern", ["**/*.png", "b/*", "*", "b/**/*", "**/deep/**", "?/deep/er/x.*"])
def test_patterns_match_what_the_standard_library_matches(album: Path, pattern: str) -> None:
    visible = {path for path in album.glob(pattern) if not any(part.startswith(".") for part in path.parts)}
    files = {path for path, _ in find_files([album / pattern])}
    # Folders that match are searched instead of listed.
    assert {path for path in visible if path.is_file()} <= files
    assert all(path in visible or any(parent in visible for parent in path.parents) for path in files)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such permissions here")
def test_folder_that_the_system_locks(album: Path) -> None:
    album.chmod(0o755)
    for parent in album.parents[:2]:  # pytest's own, for its user alone
        parent.chmod(0o755)
    (album / "b").chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        if not os.access(album, os.R_OK, effective_ids=True):
            pytest.skip("the temporary folder is closed to others")
        files, refused = found(album, album)
        below = found(album, album / "b" / "1.png")
    finally:
        if root:
            os.seteuid(0)
        (album / "b").chmod(0o755)
    assert files == ["2.JPG", "10.jpg"]
    assert refused[0].startswith(f"{album / 'b'}: folder cannot be read (Permission denied)")
    assert below[0] == [] and "may not be read" in below[1][0]


def test_no_paths() -> None:
    assert list(find_files([])) == []


def test_odd_numerals(album: Path) -> None:
    for name in ("²1.png", "٣.png", "x" + "9" * 200 + ".png"):
        (album / name).touch()
    assert len(found(album, album)[0]) == 7
