"""Small trees on disk in the layouts of published data sets, drawn here: nothing in them is of any real set."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fisa.emotions import EKMAN6, EKMAN7, MIKELS8

SIDE = 8  # pixels


def draw(file: Path, seed: int) -> Path:
    """Draw noise, another for each seed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG" if file.suffix.lower() not in (".jpg", ".jpeg") else "JPEG")
    return file


def draw_all(root: Path, names: Iterable[str]) -> None:
    for seed, name in enumerate(names):
        draw(root / name, seed)


def write_lines(file: Path, lines: Iterable[str], end: str = "\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("".join(line + end for line in lines).encode())
    return file


def votes(count: int, raters: int = 11, seed: int = 0, classes: int = 8) -> np.ndarray:
    """Votes [count, classes] of ``raters`` each."""
    return np.random.default_rng(seed).multinomial(raters, np.full(classes, 1 / classes), count)


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    def cell(value: object) -> str:
        text = str(value)
        return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n\r') else text

    return [",".join(map(cell, row)) for row in (header, *rows)]


LDL_HEADER = "images-name Amusement Awe Contentment Excitement Anger Disgust Fear Sadness"


def ldl(root: Path, count: int = 30, raters: int = 11, trailing: str = "") -> np.ndarray:
    """Flickr_LDL or Twitter_LDL; returns the votes in the order of the header."""
    cast = votes(count, raters)
    draw_all(root / "images", (f"{number}.jpg" for number in range(1, count + 1)))
    rows = [f"{number}.jpg {' '.join(map(str, row))}{trailing}" for number, row in enumerate(cast, 1)]
    write_lines(root / "ground_truth.txt", [LDL_HEADER + trailing, *rows])
    return cast


EMOTION6_HEADER = ("[image_filename]", "[valence]", "[arousal]", *(f"[prob. ({label})]" for label in EKMAN7.labels))


def emotion6(root: Path, each: int = 4, neutral: bool = True, images: str = "images") -> np.ndarray:
    """Emotion6 with ``each`` images an emotion; returns the shares."""
    names = [f"{label}/{number}.jpg" for label in EKMAN6.labels for number in range(1, each + 1)]
    shares = np.random.default_rng(1).dirichlet(np.ones(len(EKMAN7) - (not neutral)), len(names)).round(6)
    draw_all(root / images, names)
    rows = [
        "\t".join([name, "5.5", "2", *(f"{share:g}" for share in row)]) for name, row in zip(names, shares, strict=True)
    ]
    header = EMOTION6_HEADER if neutral else EMOTION6_HEADER[:-1]
    write_lines(root / "ground_truth.txt", ["\t".join(header), *rows])
    return shares


def classes(root: Path, each: int = 3, labels: Sequence[str] = MIKELS8.labels) -> list[str]:
    """``<emotion>/*.jpg``; returns the names."""
    names = [f"{label}/{label}_{number:02}.jpg" for label in labels for number in range(each)]
    draw_all(root, names)
    return names


def emoset(root: Path, each: int = 2, with_id: bool = False) -> dict[str, list[str]]:
    """EmoSet; returns the names of each list."""
    listed: dict[str, list[str]] = {}
    for part, split in enumerate(("train", "val", "test")):
        rows = []
        for place, label in enumerate(MIKELS8.labels):
            for number in range(each):
                name = f"image/{label}/{label}_{part}{number}.jpg"
                draw(root / name, 100 * part + 10 * place + number)
                spare = [f"{part}{place}{number}"] if with_id else []
                rows.append([label, *spare, name, name.replace("image", "annotation").replace("jpg", "json")])
        (root / f"{split}.json").write_text(json.dumps(rows), encoding="utf-8")
        listed[split] = [row[-2] for row in rows]
    return listed


ABSTRACT_HEADER = ("Image", "Amusement", "Anger", "Awe", "Content", "Disgust", "Excitement", "Fear", "Sad")


def abstract(root: Path, count: int = 20, extra: int = 3) -> np.ndarray:
    """Abstract paintings, ``extra`` of them without votes; returns the votes in the order of the header."""
    names = [f"abstract_{number:04}.jpg" for number in range(count + extra)]
    cast = votes(count, 14)
    draw_all(root, names)
    rows = [",".join([f"'{name}'", *map(str, row)]) for name, row in zip(names, cast, strict=False)]
    write_lines(root / "ABSTRACT_groundTruth.csv", [",".join(f"'{cell}'" for cell in ABSTRACT_HEADER), *rows], "\r\n")
    return cast


def oasis(root: Path, themes: Sequence[str] = ("Dog", "Cat", "Lake", "War", "Sad face", "Sky"), each: int = 3) -> int:
    """OASIS with stray spaces in the themes and old-Mac line ends; returns the number of images."""
    header = ",Theme,Category,Source,Valence_mean,Valence_SD,Valence_N,Arousal_mean,Arousal_SD,Arousal_N"
    rows = []
    for place, theme in enumerate(themes):
        for number in range(1, each + 1):
            draw(root / "images" / f"{theme} {number}.jpg", 10 * place + number)
            rating = f"{1 + place % 7},0.9,102,{7 - place % 7},1.5,101"
            rows.append(f'I{len(rows) + 1}, {theme} {number} ,Object,"Pixabay, free",{rating}')
    write_lines(root / "OASIS.csv", [header, *rows], "\r")
    return len(rows)


AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)


def affectnet(root: Path, folder: str = "", header: bool = True, each: int = 3) -> None:
    """AffectNet: ``each`` of the codes 0 to 10 in training, one in validation; 8 to 10 have -2 for valence."""
    for name, count in (("training", each), ("validation", 1)):
        rows = []
        for code in range(11):
            for number in range(count):
                image = f"{code}/{name}{number}.jpg"
                draw(root / folder / image, hash((code, number, name == "training")) % 2**31)
                rating = "-2,-2" if code > 7 else "0.5,-0.25"
                rows.append(f"{image},10,12,100,90,1.5;2.5;3.5,{code},{rating}")
        write_lines(root / f"{name}.csv", [*([AFFECTNET_HEADER] if header else []), *rows])


def manifest(root: Path, header: Sequence[str], rows: Sequence[Sequence[object]], name: str = "manifest.csv") -> None:
    """A folder with a list, whose first column names images that are drawn."""
    draw_all(root, (str(row[0]) for row in rows))
    write_lines(root / name, csv_lines(header, rows))


def degrees_of(row: Mapping[str, float], labels: Sequence[str]) -> np.ndarray:
    return np.array([row[label] for label in labels])
