"""The image files behind files, folders and patterns: streamed in a stable order, whatever stands in the way."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fisa.images import IMAGE_SUFFIXES, ImageRefused

Entry = tuple[Path, ImageRefused | None]
"""A path, and why nothing can be read there; None where an image may be."""

_Identity = tuple[int, int]  # device and number of a folder, whatever names and links lead to it


def find_files(paths: Iterable[Path]) -> Iterator[Entry]:
    """Find the image files behind files, folders and patterns.

    A file named directly is always listed, whatever its suffix; ``fisa.images.decode`` judges it. Folders are
    searched recursively for ``IMAGE_SUFFIXES``, through links to folders too. Hidden files and folders inside them
    are passed over. A path that does not exist and contains ``*``, ``?`` or ``[`` is expanded as a pattern (``**``
    for any depth, not through links).

    A row of a table stands for a path, so a link to a file is listed beside the file. What is reached twice from
    one of ``paths`` is listed once: a linked folder is searched once, so that a loop of links ends, and so is a
    file that a pattern matches beside its folder. What two of ``paths`` lead to is listed for each.

    Memory: the names of one folder at a time, of the folders above it, and of all that a pattern matches; a million
    names take about 150 MB while they are sorted.

    Yields:
        One entry a file, in the order of ``paths``, and in natural order within a folder ("2.jpg" before "10.jpg").
        In its place among them, one entry for each path that leads nowhere, with its refusal: missing, a pattern
        without a match, a folder that may not be read and may so hide a match, or one given that is without images.
    """
    for path in paths:
        try:
            path.lstat()  # not stat: a dangling link is listed, and refused where it is decoded
        except (FileNotFoundError, NotADirectoryError):
            if glob.has_magic(str(path)):
                yield from _matches(path)
            else:
                yield path, _refusal(path, "no such file or folder", "check the path")
        except PermissionError:
            yield path, _refusal(path, "may not be read", "ask for read permission on the folders above it")
        except (OSError, ValueError):  # too long, or a NUL in it
            yield path, _refusal(repr(str(path)), "is not a possible path", "check the path")
        else:
            yield from _search(path, set())


def _matches(pattern: Path) -> Iterator[Entry]:
    root = Path(pattern.anchor)
    unread: set[str] = set()
    matches = {str(match) for match in _expand(root, pattern.parts[len(root.parts) :], unread)}
    matches |= unread  # their turn says why
    if not matches:
        yield pattern, _refusal(pattern, "matches no file", "check the pattern")
    visited: set[_Identity] = set()
    for match in sorted(sorted(matches), key=_natural):
        for path, refusal in _search(Path(match), visited):
            if refusal is not None or str(path) == match or str(path) not in matches:  # else it comes in its own turn
                yield path, refusal


def _expand(folder: Path, parts: Sequence[str], unread: set[str]) -> Iterator[Path]:
    """Yield what a pattern matches below a folder, and add the folders that cannot be read to ``unread``.

    The standard library's globs pass over those in silence.
    """
    if not parts:
        yield folder
    elif parts[0] == "**":
        for below in _tree(folder, unread):
            yield from _expand(below, parts[1:], unread)
    elif glob.has_magic(parts[0]):
        for entry in _visible(folder, unread):
            if fnmatch.fnmatch(entry.name, parts[0]) and (len(parts) == 1 or _is_folder(entry)):
                yield from _expand(folder / entry.name, parts[1:], unread)
    else:
        try:
            (folder / parts[0]).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError:
            unread.add(str(folder))
            return
        yield from _expand(folder / parts[0], parts[1:], unread)


def _tree(folder: Path, unread: set[str]) -> Iterator[Path]:
    """Yield a folder and all below it, but not through links, so that a loop of them ends."""
    stack = [folder]
    while stack:
        folder = stack.pop()
        yield folder
        stack += [folder / each.name for each in _visible(folder, unread) if each.is_dir(follow_symlinks=False)]


def _visible(folder: Path, unread: set[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        unread.add(str(folder))
        return []


def _search(root: Path, visited: set[_Identity]) -> Iterator[Entry]:
    """Yield the file, or the image files under the folder; ``visited`` holds the folders searched so far."""
    if not os.path.isdir(root):
        yield root, None
        return
    found = False
    # Open folders, outermost first, each with what is left of it; recursion would end at a thousand of them.
    stack: list[Iterator[tuple[str, bool]]] = [iter([(str(root), True)])]
    while stack:
        place, is_folder = next(stack[-1], ("", False))
        if not place:
            stack.pop()
        elif not is_folder:
            found = True
            yield Path(place), None
        else:
            try:
                if (identity := _identity(place)) not in visited:
                    visited.add(identity)
                    stack.append(_listed(place))
                elif len(stack) == 1:  # a pattern matched this folder after one above it
                    return
            except OSError as error:
                found = True
                why = f"folder cannot be read ({error.strerror or error})"
                yield Path(place), _refusal(place, why, "ask for read permission on it")
    if not found:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        yield root, _refusal(root, "folder without images", f"images end in one of {suffixes}")


def _identity(folder: str | Path) -> _Identity:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _listed(folder: str) -> Iterator[tuple[str, bool]]:
    """Return the images and folders in a folder, in natural order, each with whether it is a folder."""
    names: list[str] = []
    folders: set[str] = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                folders.add(entry.name)
                names.append(entry.name)
            elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
                names.append(entry.name)
    names.sort()
    names.sort(key=_natural)
    return ((os.path.join(folder, name), name in folders) for name in names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _natural(path: str) -> str:
    """Sort key: numbers in names by value, letters without case, folder by folder."""
    # One string, not a list of parts: a folder may hold a million names. No name holds a NUL. A number is written as
    # its count of digits and its digits, which sort by value; what ends a folder's name sorts before all.
    plain = re.sub(r"\d+", _by_value, path.casefold())
    return plain.replace(os.sep, "\0\0")


def _by_value(number: re.Match[str]) -> str:
    digits = str(int(number.group()))
    return f"\0{chr(len(digits))}{digits}"


def _refusal(name: str | Path, why: str, mend: str) -> ImageRefused:
    return ImageRefused(f"{name}: {why}; {mend}")
