"""Exports on disk: whole or not there at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fisa import drafts
from fisa.exceptions import FisaError
from fisa.explain.targets import Target
from fisa.export.explanation import Explained, arrays_of, attribution_of, document_of, figures_of, tables_of
from fisa.export.explanation_page import explanation_page
from fisa.figures import attention_overlay, paper, signed_overlay

Progress = Callable[[int, int], None]

OPACITY = 0.65
PICTURE = 512
"""Longer side in pixels of overlays."""


class ExportError(FisaError, ValueError):
    """What cannot be written; the message is one clear sentence."""


def write_explanation(
    out: Path, explained: Explained, forms: Sequence[paper.Form] = paper.FORMS, progress: Progress | None = None
) -> None:
    """Write an explained image as a folder, which must not exist; docs/export.md names its files.

    Args:
        out: The folder to make.
        explained: What to write.
        forms: Of its figures.
        progress: Called with (figures done, figures).

    Raises:
        ExportError: ``out`` exists.
        OSError: The disk refuses.
    """
    with new_folder(out) as draft:
        (draft / "explanation.json").write_text(as_json(document_of(explained)), encoding="utf-8")
        (draft / "arrays.npz").write_bytes(arrays_of(explained))
        for name, make in tables_of(explained).items():
            make().to_csv(draft / f"{name}.csv", lineterminator="\n")
        _write_overlays(explained, draft)
        _write_attribution(explained, draft)
        _write_figures(explained, draft / "figures", forms, progress)
        (draft / "index.html").write_text(explanation_page(explained), encoding="utf-8")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a draft that becomes ``path`` once the block is done, and leaves nothing behind if it fails.

    Raises:
        ExportError: ``path`` exists.
    """
    refuse_existing(path)
    with drafts.new_folder(path) as draft:
        yield draft


def new_file(path: Path, content: str) -> None:
    """Write a file that must not exist, whole or not at all.

    Raises:
        ExportError: ``path`` exists.
    """
    refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    drafts.remove_leftovers(path.parent)
    draft = drafts.draft_in(path.parent)
    try:
        draft.write_text(content, encoding="utf-8")
        drafts.put_in_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def refuse_existing(path: Path) -> None:
    """Raise ExportError where something would be overwritten."""
    if path.exists():
        raise ExportError(f"{path}: already exists; name another --out, nothing is overwritten")


def as_json(content: Mapping[str, Any]) -> str:
    """Return one JSON object, a line for each key; arrays as lists."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value, default=np.ndarray.tolist)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _write_figures(explained: Explained, folder: Path, forms: Sequence[paper.Form], progress: Progress | None) -> None:
    folder.mkdir()
    drawn = figures_of(explained)
    for done, (name, draw) in enumerate(drawn.items(), start=1):
        for width in paper.WIDTHS:
            figure = draw(width)
            for form in forms:
                (folder / f"{name}-{width}.{form}").write_bytes(paper.to_bytes(figure, form, explained.about))
        if progress is not None:
            progress(done, len(drawn))


def _write_overlays(explained: Explained, folder: Path) -> None:
    if explained.found.attention is None:
        return
    space = explained.found.space
    for emotion, label in enumerate(space.labels):
        outlines = [explained.masks[emotion]] if emotion in explained.masks else []
        weights = explained.found.attention[emotion]
        pixels = attention_overlay(explained.picture, weights, space.colours[emotion], OPACITY, outlines)
        _save(pixels, explained.aspect, folder / f"attention-{label}.png")


def _write_attribution(explained: Explained, folder: Path) -> None:
    found = explained.attribution
    if found is None:
        return
    (folder / "attribution.json").write_text(as_json(attribution_of(explained)), encoding="utf-8")
    pd.DataFrame(found.values).to_csv(folder / "attribution.csv", index=False, header=False, lineterminator="\n")
    emotion = Target.parse(found.target, explained.found.space).emotion
    outlines = [explained.masks[emotion]] if emotion in explained.masks else []
    pixels = signed_overlay(explained.picture, found.values, "light", outlines=outlines)
    _save(pixels, explained.aspect, folder / "attribution.png")


def _save(square: np.ndarray, aspect: float, path: Path) -> None:
    shape = (PICTURE, max(1, round(PICTURE / aspect))) if aspect > 1 else (max(1, round(PICTURE * aspect)), PICTURE)
    Image.fromarray(square).resize(shape).save(path)
