"""What identifies an image file: digest of its content, and a hash that survives scaling and compression.

Imports no pandas or torch: worker processes load it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fisa.images import ImageOutgrewMemory, ImageRefused, Pixels, decode, to_square

PART = 2**22
"""Bytes of a file that are in memory at a time."""


class Fingerprint(NamedTuple):
    """What is known of an image file.

    Attributes:
        digest: BLAKE2b of its content, 32 hexadecimal digits; None where it cannot be read, or where memory did not
            suffice to decode it: what is known is then not of its content alone.
        look: Perceptual hash, see :func:`perceptual_hash`; None where it cannot be decoded.
        refused: Why it cannot be decoded, ``<why>; <mend>``; None where it can.
    """

    digest: str | None
    look: int | None
    refused: str | None


def fingerprint(file: Path) -> Fingerprint:
    """Read and decode an image file completely."""
    try:
        look = perceptual_hash(decode(file))
    except ImageRefused as error:
        digest = None if isinstance(error, ImageOutgrewMemory) else content_digest(file)
        return Fingerprint(digest, None, str(error).removeprefix(f"{file}: "))
    return Fingerprint(content_digest(file), look, None)


def content_digest(file: str | Path) -> str | None:
    """Return the BLAKE2b of a file's content, 32 hexadecimal digits; None where it cannot be read."""
    whole = hashlib.blake2b(digest_size=16)
    try:
        with open(file, "rb", buffering=0) as stream:
            while part := stream.read(PART):
                whole.update(part)
    except (OSError, ValueError):
        return None
    return whole.hexdigest()


def perceptual_hash(image: Pixels) -> int:
    """Return the difference hash (dHash) of an image: 64 bits, each whether grey rises from a pixel to its right.

    The image is shrunk to 9 x 9 grey pixels, and neighbouring rows are averaged to 8. Copies that were scaled or
    compressed anew differ in few bits; the number of differing bits is the distance.

    Args:
        image: uint8 RGB [height, width, 3].

    Returns:
        0 to 2**64 - 1.
    """
    grey = to_square(image, 9).astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    rows = grey[:-1] + grey[1:]
    rises = rows[:, 1:] > rows[:, :-1]
    return int.from_bytes(np.packbits(rises).tobytes(), "big")
