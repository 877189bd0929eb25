"""Image files for the tests of decoding, made with Pillow or byte by byte."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fisa.images import ImageRefused, decode

ROW, COLUMN = np.mgrid[0:24, 0:32]
PATTERN = np.stack([COLUMN * 8, ROW * 10, (ROW * COLUMN) % 256], axis=-1).astype(np.uint8)


# The EXIF orientations, after the specification: what turns the stored pixels upright.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def png(width, height, bit_depth, colour_type, data, extra=b""):
    """A PNG of raw ``data``, each row led by its filter byte."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )


def refusal(source, name=None):
    with pytest.raises(ImageRefused) as caught:
        decode(source, name)
    message = str(caught.value)
    # One line "<name>: <why>; <mend>".
    assert "\n" not in message and ": " in message and "; " in message
    return message
