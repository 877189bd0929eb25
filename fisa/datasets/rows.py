"""From what a list says to the manifest: every row checked at once, no row at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.columns import SPLITS, label_of, split_of
from fisa.datasets.listing import Listing
from fisa.datasets.problems import NOTE, Complaints, Problems
from fisa.datasets.reading import numbers
from fisa.emotions import EmotionSpace

SUM_TOLERANCE = 0.02
"""How far the shares of a row may be from summing to 1 before they are scaled: what two decimals round away."""

LARGEST = 1e9
"""Votes and shares from here on are taken for no number: they are some other column's."""

Kind = Literal["votes", "shares", "label", "none"]


@dataclass(frozen=True)
class Rows:
    """What a list says, unchecked.

    Attributes:
        space: Its label space.
        table: One row an image: ``file`` and ``row`` (where it stands), ``image`` (name as the list has it), and for
            ``kind`` ``votes`` or ``shares`` a column a label, for ``label`` a column ``label``. Optional: ``id``,
            ``split``, ``group``, ``valence``, ``arousal``.
        kind: What the emotion columns hold.
        folders: Where images may lie; see ``Listing.resolve``.
        ranges: Original range of ``valence`` and ``arousal``.
        extra: Further columns of ``table`` to keep, as they are.
        left_out: What the list holds and a manifest does not, by design -> how many rows.
        unlabelled: Images that rows name which were left out by design; they are no orphans.
    """

    space: EmotionSpace
    table: pd.DataFrame
    kind: Kind
    folders: tuple[str, ...] = ("",)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    unlabelled: tuple[str, ...] = ()


def tell_votes(values: np.ndarray) -> Kind:
    """Return what emotion columns [N, C] of an unknown list hold.

    Votes are whole numbers. So where all are whole, or most rows sum to more than 1.5, they are votes; else shares.
    """
    known = values[np.isfinite(values).all(1)]
    if not len(known):
        return "votes"
    whole = (known == np.round(known)).all()
    return "votes" if whole or np.median(known.sum(1)) > 1.5 else "shares"


def make_manifest(rows: Rows, listing: Listing, problems: Problems) -> tuple[pd.DataFrame, np.ndarray]:
    """Check every row and return those that are right as a manifest, and which files of the listing rows name.

    The manifest has the columns of ``Dataset.manifest``; ``split`` is empty where the list says none.

    Raises:
        DataError: No row is right and none is known to be wrong: the list is empty.
    """
    table = rows.table.reset_index(drop=True)
    places, why = listing.resolve(table["image"], rows.folders)
    complaints = Complaints(len(table))
    complaints.say(places < 0, why, "correct the name, or put the image there")
    degrees, votes = degrees_of(table, rows.space, rows.kind, complaints)
    columns: dict[str, object] = {"votes": votes, **dict(zip(rows.space.labels, degrees.T, strict=True))}
    for scale in ("valence", "arousal"):
        if scale in table:
            columns[scale] = _rescaled(table[scale], scale, rows.ranges[scale], complaints)
    split = pd.Series("", index=table.index, dtype="str")
    if "split" in table:
        split = split_of(table["split"])
        complaints.say((split == "").to_numpy(), "has an unknown split", f"name one of {', '.join(SPLITS)}")
    path = pd.Series(listing.files.take(places[places >= 0]), index=np.flatnonzero(places >= 0), dtype="str")
    path = path.reindex(table.index)
    keep = _once(table, path, pd.DataFrame({**columns, "split": split}, index=table.index), complaints, problems)
    complaints.report(table, problems)
    manifest = pd.DataFrame({"id": table.get("id", path), "path": path, "split": split, **columns})
    for name in ("group", *rows.extra):
        if name in table:
            manifest[name] = table[name]
    manifest = manifest[keep & ~complaints.wrong].reset_index(drop=True)
    if not len(manifest) and not problems.wrong:
        raise DataError(f"{listing.root}: holds no labelled image; check the path")
    return manifest, places[places >= 0]


def degrees_of(
    table: pd.DataFrame, space: EmotionSpace, kind: Kind, complaints: Complaints
) -> tuple[np.ndarray, np.ndarray]:
    """Return degrees [N, C], whose rows sum to 1 where nothing is wrong, and votes [N], 0 where unknown.

    Args:
        table: See ``Rows.table``.
        space: Label space.
        kind: What the emotion columns hold.
        complaints: Gets what is wrong with a row.
    """
    labels, none = list(space.labels), np.zeros(len(table), dtype=np.int64)
    if kind == "none":
        return np.empty((len(table), 0)), none
    if kind == "label":
        return _one_hot(table["label"], space, complaints), none
    values = np.column_stack([numbers(table[label]) for label in labels])
    what = "votes" if kind == "votes" else "shares"
    odd = np.asarray(~(np.abs(values) < LARGEST).all(1))  # of NaN, too
    complaints.say(odd, f"one of its {what} is no number", "fill it in, or remove the row")
    values = np.where(odd[:, None], 0, values)
    negative = np.asarray((values < 0).any(1))
    complaints.say(negative, f"one of its {what} is negative", "correct it, or remove the row")
    total = values.sum(1)
    complaints.say(total == 0, f"its {what} sum to zero", "remove the row, or count again")
    if kind == "votes":
        fraction = np.asarray((values != np.round(values)).any(1))
        complaints.say(fraction, "one of its votes is not whole", "give votes, or shares that sum to 1")
    else:
        other = np.abs(total - 1) > SUM_TOLERANCE
        if other.any():
            complaints.say(other, [f"its shares sum to {each:.3g}, not to 1" for each in total], "correct them")
    degrees = np.divide(values, total[:, None], out=np.zeros_like(values), where=total[:, None] > 0)
    return degrees, np.rint(total).astype(np.int64) if kind == "votes" else none


def _one_hot(column: pd.Series, space: EmotionSpace, complaints: Complaints) -> np.ndarray:
    labels = pd.Categorical(column.astype("str"))
    known = [label_of(name, space) for name in labels.categories]
    places = np.array([-1 if label is None else space.index(label) for label in known] + [-1])[labels.codes]
    mend = f"name one of {', '.join(space.labels)}"
    told = np.array([f"unknown label {str(name)[:40]!r}" for name in (*labels.categories, "")], dtype=object)
    complaints.say(places < 0, told[labels.codes], mend)
    one_hot = np.vstack([np.eye(len(space)), np.zeros(len(space))])[places]
    return np.asarray(one_hot)


def _rescaled(column: pd.Series, name: str, limits: tuple[float, float], complaints: Complaints) -> np.ndarray:
    """Bring a rating from its range to -1 to 1; an empty cell is a missing rating."""
    low, high = limits
    values = numbers(column)
    text = column.notna() & (column.astype("str").str.strip() != "")
    bad = (text & ~np.isfinite(values)) if column.dtype.kind not in "fiu" else np.isinf(values)
    outside = (values < low) | (values > high)
    complaints.say(np.asarray(bad), f"its {name} is no number", "correct it, or leave it empty")
    stated = f"state its range, as in the header `{name} (1 to 9)`"
    complaints.say(outside, f"its {name} is not in {low:g} to {high:g}", f"correct it, or {stated}")
    return np.asarray((values - low) / (high - low) * 2 - 1)


def _once(
    table: pd.DataFrame, path: pd.Series, said: pd.DataFrame, complaints: Complaints, problems: Problems
) -> np.ndarray:
    """Return which rows to keep: the first of those that say the same of an image; those that disagree are wrong."""
    right = pd.Series(~complaints.wrong)
    repeated = right & path.where(right).duplicated(keep=False)
    if "id" in table:
        twice = right & ~repeated & table["id"].where(right).duplicated(keep=False)
        complaints.say(twice.to_numpy(), "its ID stands twice", "give each image an ID of its own")
    if not repeated.any():
        return np.ones(len(table), dtype=bool)
    differ = said[repeated].round(9).groupby(path[repeated]).transform("nunique", dropna=False) > 1
    differ = differ.reindex(table.index, fill_value=False)
    mend = "keep the row that is right"
    labels = differ.drop(columns="split").any(axis=1).to_numpy()
    complaints.say(labels, "the image is listed twice with different labels", mend)
    complaints.say(differ["split"].to_numpy(), "the image is listed in two splits", mend)
    spare = (repeated & path.where(repeated).duplicated()).to_numpy() & ~complaints.wrong
    where = table[spare]
    problems.add_rows(
        ["the image is listed again with the same labels; the first row counts"] * len(where),
        "remove the row",
        file=where["file"],
        rows=where["row"],
        images=where["image"],
        kind=NOTE,
    )
    return np.asarray(~spare)


def class_rows(files: pd.Index, classes: pd.Series, space: EmotionSpace, **columns: object) -> Rows:
    """Return rows of images whose class is known from where they lie: no list names them.

    Args:
        files: Names of the images in the listing.
        classes: Class of each, as it is spelt there.
        space: Their label space.
        columns: Further columns of ``Rows.table``, such as ``split``.
    """
    table = pd.DataFrame({"file": "", "row": pd.NA, "image": files.to_numpy(), "label": classes.to_numpy(), **columns})
    return Rows(space, table, "label")
