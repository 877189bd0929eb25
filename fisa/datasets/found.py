"""Which data sets lie in a folder: told by the files at its top, without opening an image."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fisa.datasets.columns import IMAGE, SPLITS, find_column, label_of
from fisa.datasets.layouts import abstract, affectnet, emoset, emotion6, oasis
from fisa.datasets.layouts.aesthetics import AVA, steps_of
from fisa.datasets.layouts.folder import IMAGES, LISTS, PREFERRED
from fisa.datasets.vectors import FEATURES, SUFFIXES
from fisa.emotions import MIKELS8, SPACES, EmotionSpace
from fisa.images import IMAGE_SUFFIXES

VARIABLE = "FISA_DATA"
"""Environment variable with folders of data sets, separated as in PATH."""

HEAD = 2**16
"""Bytes of a list that are read to see its header."""

_ARRAYS = tuple(suffix for suffix in SUFFIXES if suffix != ".parquet")
_LDL = {"flickr-ldl": 11, "twitter-ldl": 8}  # votes an image


@dataclass(frozen=True)
class Found:
    """A folder or file that may be a data set.

    Attributes:
        path: Where it lies, absolute.
        layouts: Keys of ``fisa.datasets.DATASETS`` that it may be, the likeliest first; empty where it is none.
        reason: What it was told by, or why it was not recognised; a clause.
    """

    path: Path
    layouts: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class _Top:
    """What stands directly in a folder; names without hidden ones, sorted."""

    path: Path
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    by_case: dict[str, str] = field(default_factory=dict)

    def file(self, name: str) -> str | None:
        """Return the file of this name, letters compared without case."""
        return self.by_case.get(name.casefold())

    def ending(self, suffixes: Sequence[str]) -> list[str]:
        """Return the files with one of these suffixes."""
        return [name for name in self.files if name.lower().endswith(tuple(suffixes))]


def data_folders() -> list[Path]:
    """Return the folders that the variable FISA_DATA names, in its order."""
    return [Path(os.path.expanduser(part)) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part.strip()]


def find_sets(folders: Iterable[Path]) -> list[Found]:
    """Look for data sets in folders; each is one, or holds some: sub-folders, and files of feature vectors.

    Only the top of a folder and of its sub-folders is looked at, and no image is opened. Hidden folders are passed
    over; whatever else is not recognised is there with its reason.
    """
    found: dict[Path, Found] = {}
    for folder in folders:
        for each in _found_in(folder):
            found.setdefault(each.path, each)
    return list(found.values())


def _found_in(folder: Path) -> list[Found]:
    whole = recognise(folder)
    if whole.layouts or not folder.is_dir():
        return [whole]
    try:
        top = _look(folder)
    except OSError:
        return [whole]
    inside = [recognise(top.path / name) for name in (*top.folders, *top.ending(_ARRAYS))]
    return inside or [whole]


def recognise(path: Path) -> Found:
    """Tell which layout a folder, or a file of feature vectors, has; see :class:`Found`."""
    path = Path(os.path.abspath(os.path.expanduser(path)))  # which leaves the home of somebody unknown as it is
    try:
        if not _is_utf8(str(path)):
            return Found(path, (), "its name is not UTF-8; rename it")
        if path.is_file():
            return _recognise_file(path)
        if not path.is_dir():
            return Found(path, (), "no such folder; check the path")
        top = _look(path)
        layouts, reason = _by_published_list(top) or _by_own_list(top) or _by_vectors(top) or _by_classes(top)
    except OSError as error:
        return Found(path, (), f"cannot be read ({error.strerror}); check its permissions")
    return Found(path, layouts, reason)


def _look(folder: Path) -> _Top:
    with os.scandir(folder) as entries:
        seen = sorted((entry.name, _is_dir(entry)) for entry in entries if not entry.name.startswith("."))
    files = tuple(name for name, is_dir in seen if not is_dir)
    folders = tuple(name for name, is_dir in seen if is_dir)
    return _Top(folder, files, folders, {name.casefold(): name for name in reversed(files)})


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _recognise_file(path: Path) -> Found:
    if path.suffix.lower() in _ARRAYS or (path.suffix.lower() == ".parquet" and _has_features(_header(path))):
        return Found(path, ("features",), "a file of feature vectors")
    return Found(path, (), f"a file, and none of feature vectors ({', '.join(SUFFIXES)}); name the folder")


_Told = tuple[tuple[str, ...], str]


def _by_published_list(top: _Top) -> _Told | None:
    """Tell by the lists that published sets come with."""
    for layout, name in (("oasis", oasis.TRUTH), ("abstract", abstract.TRUTH), ("aesthetics", AVA)):
        if (found := top.file(name)) is not None:
            return (layout,), found
    if all(top.file(name) for name in emoset.LISTS):
        return ("emoset",), ", ".join(emoset.LISTS)
    if all(top.file(name) for name in affectnet.LISTS) or _ANNOTATIONS in top.folders:
        return ("affectnet",), ", ".join(affectnet.LISTS)
    for folder in top.folders:
        if os.path.isfile(top.path / folder / abstract.TRUTH):
            return ("abstract",), f"{folder}/{abstract.TRUTH}"
    truth = top.file(emotion6.TRUTH)
    if truth is not None:
        return _by_ground_truth(top, truth)
    config = next((name for name in top.files if name.casefold().endswith("_ldl_config.mat")), None)
    return None if config is None else (_ldl_layouts(top, 0.0), config)


_ANNOTATIONS = "Manually_Annotated_file_lists"


def _by_ground_truth(top: _Top, name: str) -> _Told:
    """Tell Emotion6 from Flickr_LDL and Twitter_LDL, which call their lists alike."""
    lines = _head(top.path / name).splitlines() or [""]
    if "\t" in lines[0]:
        return ("emotion6", "emotion6-6"), f"{name}, tab-separated"
    if len(lines[0].split()) != 1 + len(MIKELS8):
        return (), f"{name} has a header that no known set has; fetch it again, or call your own list {PREFERRED[0]}"
    cells = lines[1].split()[1:] if len(lines) > 1 else []
    return _ldl_layouts(top, sum(float(cell) for cell in cells if cell.isdigit())), f"{name}, votes"


def _ldl_layouts(top: _Top, votes: float) -> tuple[str, ...]:
    """Return both layouts, first that which names say, or the number of votes in a row."""
    names = " ".join((*top.files, top.path.name)).casefold()
    likely = [layout for layout in _LDL if layout.partition("-")[0] in names]
    likely = likely if len(likely) == 1 else [layout for layout, count in _LDL.items() if count == votes]
    return tuple(dict.fromkeys([*likely, *_LDL]))


def _by_own_list(top: _Top) -> _Told | None:
    """Tell by the only list at the top, or that called ``manifest``."""
    lists = top.ending(LISTS)
    chosen = [name for name in lists if name.casefold() in PREFERRED] or lists
    if not chosen:
        return None
    if len(chosen) > 1:
        return (), f"several lists ({', '.join(chosen[:5])}); call the one meant {PREFERRED[0]}"
    (name,) = chosen
    header = _header(top.path / name)
    if name.lower().endswith(".parquet") and _has_features(header):
        return ("features",), f"{name}, with feature vectors"
    if find_column(header, IMAGE) is None:
        return (), f"{name} has no column of images; name it image"
    if steps_of(header):
        return ("aesthetics",), f"{name}, with a column for each step of a score"
    return (("iapsa", "folder") if "iaps" in top.path.name.casefold() else ("folder",)), name


def _by_vectors(top: _Top) -> _Told | None:
    files = top.ending(_ARRAYS)
    if len(files) == 1 and not top.folders and not top.ending(tuple(IMAGE_SUFFIXES)):
        return ("features",), files[0]
    return None


def _by_classes(top: _Top) -> _Told:
    """Tell by names of sub-folders, perhaps below ``images`` or below splits; else by names of images."""
    folders = top.folders
    if IMAGES in folders and not any(_is_label(name) for name in folders):
        folders = _look(top.path / IMAGES).folders
    below = top.path
    if folders and all(name.casefold() in SPLITS for name in folders):
        below, folders = below / folders[0], _look(below / folders[0]).folders
    space = _space_of(folders)
    if space is not None:
        named_fi = re.match(r"fi(?![a-z])", top.path.name, re.IGNORECASE) is not None
        like_fi = space == MIKELS8 and below == top.path and len({label_of(name, space) for name in folders}) == 8
        layouts = ("fi", "folder") if like_fi and named_fi else ("folder", "fi") if like_fi else ("folder",)
        return layouts, "a sub-folder for each label"
    images = top.ending(tuple(IMAGE_SUFFIXES))
    if images and all("_" in name and label_of(name.partition("_")[0], MIKELS8) for name in images):
        return ("artphoto",), "labels at the beginning of names"
    if images or IMAGES in top.folders:
        return (), f"images, but neither a list ({', '.join(LISTS)}) nor sub-folders of classes; add one"
    return (), "neither a list, nor images, nor sub-folders of classes"


def _is_label(name: str) -> bool:
    return any(label_of(name, space) for space in SPACES.values())


def _space_of(folders: Sequence[str]) -> EmotionSpace | None:
    """Return a space that all these are labels of, or None; one label alone may be any folder's name."""
    named = [space for space in SPACES.values() if all(label_of(name, space) for name in folders)]
    return named[0] if named and len(folders) > 1 else None


def _header(file: Path) -> list[str]:
    """Return the names of a list's columns."""
    if file.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return [str(name).strip() for name in pq.read_schema(file).names]
        except pa.ArrowException:
            return []
    first = next(iter(_head(file).splitlines()), "")
    delimiter = max(",;\t", key=first.count)
    return [cell.strip().strip("'\"").strip() for cell in first.split(delimiter)]


def _has_features(header: Sequence[str]) -> bool:
    return FEATURES[0] in header or "feature_0" in header


def _head(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(HEAD).decode("utf-8-sig", errors="replace").lstrip("\r\n")
