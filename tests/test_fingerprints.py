"""Fingerprints of image files: exact digests, and hashes that survive scaling and compression."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fisa.datasets.planted import PlantedDataset
from fisa.fingerprints import PART, content_digest, fingerprint, perceptual_hash


def scene(index: int = 0) -> np.ndarray:
    return PlantedDataset("planted-tiny", "validation", image_size=96)[index].image


def distance(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def test_hash_of_ramps() -> None:
    # Grey that rises from left to right rises at every pixel, one that falls nowhere; rising downwards changes nothing.
    ramp = np.linspace(0, 255, 90).astype(np.uint8)
    rising = np.broadcast_to(ramp[None, :, None], (90, 90, 3)).copy()
    assert perceptual_hash(rising) == 2**64 - 1
    assert perceptual_hash(np.ascontiguousarray(rising[:, ::-1])) == 0
    assert perceptual_hash(np.ascontiguousarray(rising.transpose(1, 0, 2))) == 0


def test_copies_are_near_and_others_far(tmp_path: Path) -> None:
    image = Image.fromarray(scene())
    image.save(tmp_path / "a.png")
    image.resize((60, 50)).save(tmp_path / "b.jpg", quality=60)
    Image.fromarray(scene(1)).save(tmp_path / "c.png")
    looks = [fingerprint(tmp_path / name).look for name in ("a.png", "b.jpg", "c.png")]
    assert all(look is not None for look in looks)
    assert distance(looks[0], looks[1]) <= 4 < 15 < distance(looks[0], looks[2])  # type: ignore[arg-type]


def test_digest_is_that_of_the_content(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"abc" * PART)  # read in more than one part
    assert content_digest(file) == hashlib.blake2b(b"abc" * PART, digest_size=16).hexdigest()
    assert content_digest(tmp_path / "gone") is None


@pytest.mark.parametrize("content", [b"", b"text"])
def test_refusals_do_not_name_the_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.jpg"
    file.write_bytes(content)
    found = fingerprint(file)
    assert found.look is None and found.digest == content_digest(file)
    assert found.refused is not None and found.refused.startswith("is ") and "x.jpg" not in found.refused
