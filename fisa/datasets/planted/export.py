"""Planted Affect as files that anybody can read without this program: pictures, masks, labels and counterfactuals.

docs/planted-affect.md says what each file holds, and how to read them with NumPy. Nothing here needs torch.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fisa.datasets.base import DataError
from fisa.datasets.planted.dataset import PlantedDataset
from fisa.datasets.planted.labels import AFFINITY, BETA, palette_logits
from fisa.datasets.planted.oracles import strengths_of
from fisa.datasets.planted.presets import VERSION
from fisa.datasets.planted.render import Rendering, render
from fisa.datasets.planted.scene import Scene
from fisa.drafts import new_folder
from fisa.emotions import MIKELS8

FORMAT = 1
LABELS = MIKELS8.labels
BYTES_PER_PIXEL = 2.1  # of a picture as PNG with its share of masks and rows, measured at 64 to 128 px
DISTRACTOR_ID = 255  # of the first distractor in a mask; the others count down

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What an export will hold: scenes, pictures (scenes and their counterfactuals), and about how many bytes."""

    scenes: int
    pictures: int
    size: int

    @property
    def bytes(self) -> int:
        """About how much the files take."""
        return round(self.pictures * self.size**2 * BYTES_PER_PIXEL)


def plan_export(data: PlantedDataset, count: int | None = None) -> Plan:
    """Say what the first ``count`` scenes of a split make, all of them if None; nothing is drawn.

    Raises:
        DataError: There are fewer scenes, or pictures would have fewer than 32 pixels a side.
    """
    scenes = len(data) if count is None else count
    if not 1 <= scenes <= len(data):
        raise DataError(f"{data.name} has {len(data)} scenes in its {data.split} split, not {scenes}")
    if data.image_size < 32:
        raise DataError(f"an exported scene needs at least 32 pixels a side, not {data.image_size}")
    present = strengths_of(data.manifest.iloc[:scenes]) > 0
    return Plan(scenes, scenes + int(present.sum()), data.image_size)


def export(data: PlantedDataset, out: Path, count: int | None = None, progress: Progress | None = None) -> None:
    """Write scenes with all their counterfactuals to a new folder: whole, or not at all.

    Args:
        data: Gives preset, split, votes and size of the pictures.
        out: Folder to make.
        count: The first so many scenes; None for all.
        progress: Called with (scenes done, scenes).

    Raises:
        DataError: ``out`` exists, cannot be written or has too little room, or see :func:`plan_export`.
    """
    plan = plan_export(data, count)
    if out.exists():
        raise DataError(f"{out}: already exists; name another folder, nothing is overwritten")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(out.parent).free
        if free < plan.bytes:
            raise DataError(f"{out}: needs about {plan.bytes / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free")
        with new_folder(out) as draft:
            _write(data, plan, draft, progress)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror or error}); nothing was left there") from None


def _write(data: PlantedDataset, plan: Plan, folder: Path, progress: Progress | None) -> None:
    for name in ("images", "ids", "amodal"):
        (folder / name).mkdir()
    rows: list[dict[str, object]] = []
    motifs: list[dict[str, object]] = []
    for index in range(plan.scenes):
        scene, name = data.scene(index), str(data.manifest["id"].iloc[index])
        drawn = render(scene, plan.size)
        rows.append({**_row(scene, name, name, ""), **_masks(drawn, name, folder)})
        Image.fromarray(drawn.image).save(folder / "images" / f"{name}.png")
        motifs += _motifs(scene, drawn, name)
        for emotion in sorted({motif.emotion for motif in scene.motifs}):
            other, label = scene.without_emotion(emotion), LABELS[emotion]
            rows.append({**_row(other, f"{name}-without-{label}", name, label), "ids": "", "amodal": ""})
            Image.fromarray(render(other, plan.size).image).save(folder / str(rows[-1]["image"]))
        if progress is not None:
            progress(index + 1, plan.scenes)
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False, lineterminator="\n")
    pd.DataFrame(motifs).to_csv(folder / "motifs.csv", index=False, lineterminator="\n")
    affinity = pd.DataFrame(AFFINITY, index=pd.Index(LABELS, name="receives"), columns=list(LABELS))
    affinity.to_csv(folder / "affinity.csv", lineterminator="\n")
    (folder / "about.json").write_text(json.dumps(_about(data, plan), indent=2) + "\n", encoding="utf-8")


def _row(scene: Scene, name: str, of: str, without: str) -> dict[str, object]:
    columns: dict[str, object] = {"id": name, "scene": of, "without": without, "image": f"images/{name}.png"}
    columns["motifs"] = " ".join(LABELS[motif.emotion] for motif in scene.motifs)
    columns |= {"brightness": scene.brightness, "saturation": scene.saturation}
    for prefix, values in (
        ("strength", scene.strengths),
        ("logit", scene.logits),
        ("truth", scene.distribution),
        ("votes", scene.votes),
    ):
        columns |= {f"{prefix}_{label}": value for label, value in zip(LABELS, values.tolist(), strict=True)}
    return columns


def _masks(drawn: Rendering, name: str, folder: Path) -> dict[str, object]:
    """Write who is on top of each pixel (8 bits), and every motif's whole silhouette, a bit each (16 bits)."""
    top = np.where(drawn.ids < 0, DISTRACTOR_ID + 1 + drawn.ids, drawn.ids).astype(np.uint8)
    whole = np.zeros(top.shape, dtype=np.uint16)
    for number, silhouette in enumerate(drawn.amodal):
        whole |= silhouette.astype(np.uint16) << number
    files = {"ids": f"ids/{name}.png", "amodal": f"amodal/{name}.png"}
    Image.fromarray(top).save(folder / files["ids"])
    Image.fromarray(whole).save(folder / files["amodal"])
    return {**files}


def _motifs(scene: Scene, drawn: Rendering, name: str) -> Iterator[dict[str, object]]:
    for number, (motif, whole) in enumerate(zip(scene.motifs, drawn.amodal, strict=True), start=1):
        yield {
            "scene": name,
            "motif": number,
            "emotion": LABELS[motif.emotion],
            "kind": motif.kind,
            "strength": motif.strength,
            "visible": float((drawn.ids == number).sum() / max(1, int(whole.sum()))),
        }


def _about(data: PlantedDataset, plan: Plan) -> dict[str, object]:
    gamma = np.stack([palette_logits(1.0, 0.0), palette_logits(0.0, 1.0)], axis=1)
    return {
        "format": FORMAT,
        "name": "Planted Affect",
        "planted": VERSION,
        "data": data.name,
        "split": data.split,
        "version": data.version,
        "scenes": plan.scenes,
        "pictures": plan.pictures,
        "image_size": plan.size,
        "votes": data.votes,
        "labels": list(LABELS),
        "beta": BETA,
        "affinity": AFFINITY.tolist(),
        "palette": gamma.tolist(),
        "licence": "MIT",
    }
