"""Image files to arrays: safe decoding, resizing, normalising and its exact inverse.

Inside the library an image is uint8 RGB [height, width, 3]; a model sees float32 [B, 3, S, S].
"""

from __future__ import annotations

import io
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from fisa.exceptions import FisaError

Pixels = NDArray[np.uint8]

MAX_PIXELS = 100_000_000
"""Larger images are refused before a pixel is decoded: a few kilobytes can unpack to gigabytes."""

# fmt: off
IMAGE_SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib",
    ".tif", ".tiff", ".webp", ".avif", ".ppm", ".pgm", ".pbm", ".pnm",
))
# fmt: on
"""Lower-case suffixes that ``fisa.files.find_files`` looks for in folders."""

# Not all that Pillow reads: it hands EPS to Ghostscript, and it accepts a JPEG 2000 cut off after its header.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM")

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
"""Channel means of ImageNet for values in [0, 1], as torchvision's pretrained networks expect; RGB."""

STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
"""Channel standard deviations of ImageNet for values in [0, 1]; RGB."""

SQUARES = "1"
"""Changes whenever ``decode_square`` makes other pixels of the same file."""

_MARGIN = 2  # of 467 photographs at this very scale, squares are 1.1 of 255 off (root mean square); with 1, 3.9


class ImageRefused(FisaError, ValueError):
    """An image or path that cannot be used; the message is ``<name>: <why>; <what to do>``."""


class ImageOutgrewMemory(ImageRefused):
    """An image for which memory did not suffice just then; another time it may."""


def decode(source: Path | bytes, name: str | None = None) -> Pixels:
    """Decode one image file completely, or refuse it.

    The EXIF orientation is applied, the first frame of an animation is taken, transparency is laid
    over white, 16-bit grey is scaled to 8 bits by v / 257, and CMYK and the like become RGB. Colour
    profiles are ignored.

    Args:
        source: A file's path, or the file's content.
        name: What to call the image in messages; the path, or "image" for bytes.

    Returns:
        uint8 RGB [height, width, 3], writable.

    Raises:
        ImageRefused: Not a readable file, not an image of a known format, damaged or cut short, of
            more than ``MAX_PIXELS`` pixels, or with pixels whose range the file does not state
            (32-bit integers, floats).
    """
    return np.array(_read(source, name))


def decode_square(source: Path | bytes, size: int, name: str | None = None) -> Pixels:
    """Decode one image file as the square that a model sees; a large JPEG faster than ``to_square(decode(source))``.

    A JPEG's blocks are decoded at an eighth, a quarter or half of their side (``PIL.Image.Image.draft``), the smallest
    that leaves both sides of the image at least twice ``size``, as ``PIL.Image.Image.thumbnail`` does. So nothing is
    ever enlarged; docs/bench.md says how far the pixels are from those of a whole decoding. All else, refusals
    included, is as in :func:`decode`: the whole file is read, and its full size counts.

    Args:
        source: A file's path, or the file's content.
        size: Side of the square in pixels, at least 1.
        name: What to call the image in messages; the path, or "image" for bytes.

    Returns:
        uint8 RGB [size, size, 3].

    Raises:
        ImageRefused: As :func:`decode`.
        ValueError: ``size`` is below 1.
    """
    _check_side(size)
    return _stretch(_read(source, name, size), size)


def decode_within(source: Path | bytes, side: int, name: str | None = None) -> Pixels:
    """Decode one image file to look at: in its own shape, its longer side at most ``side`` pixels.

    Large JPEGs are decoded at a reduced scale, as in :func:`decode_square`; small images are not enlarged.

    Args:
        source: A file's path, or the file's content.
        side: Longest side in pixels, at least 1.
        name: What to call the image in messages; the path, or "image" for bytes.

    Returns:
        uint8 RGB [height, width, 3].

    Raises:
        ImageRefused: As :func:`decode`.
        ValueError: ``side`` is below 1.
    """
    _check_side(side)
    image = _read(source, name, side)
    scale = side / max(image.size)
    if scale < 1:
        width, height = (max(1, round(length * scale)) for length in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.array(image)


def _read(source: Path | bytes, name: str | None, needed: int | None = None) -> Image.Image:
    """Return the upright RGB image; perhaps at a reduced scale, where no side is needed longer than ``needed``."""
    if isinstance(source, bytes):
        return _decode(io.BytesIO(source), len(source), name or "image", needed)
    name = name or str(source)
    try:
        status = source.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refusal(name, "is a folder", "name the image files in it")
        # Opening a pipe or a device would wait, or never end.
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(name, "is not a regular file", "copy the image to a file first")
        with source.open("rb") as file:
            return _decode(file, status.st_size, name, needed)
    except FileNotFoundError:
        raise _refusal(name, "no such file", "check the path") from None
    except PermissionError:
        raise _refusal(name, "may not be read", "ask for read permission on the file and its folder") from None
    except OSError as error:
        raise _refusal(name, f"cannot be read ({error.strerror or error})", "check the path and the disk") from None
    except ImageRefused:
        raise
    except ValueError:  # a NUL in the path
        raise _refusal(repr(name), "is not a possible path", "check the path") from None


def to_square(image: Pixels, size: int) -> Pixels:
    """Stretch an image to a square, antialiased.

    All content is kept and nothing is added, so that a point at (x, y) in fractions of the sides is
    at the same fractions of the square: overlays map back exactly.

    Args:
        image: uint8 RGB [height, width, 3].
        size: Side of the square in pixels, at least 1.

    Returns:
        uint8 RGB [size, size, 3].

    Raises:
        ValueError: ``image`` is not uint8 RGB, is empty, or ``size`` is below 1.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"expected uint8 RGB [height, width, 3], got {image.dtype} {image.shape}")
    _check_side(size)
    return _stretch(Image.fromarray(image), size)


def _check_side(size: int) -> None:
    if size < 1:
        raise ValueError(f"size is {size}; it must be at least 1 pixel")


def _stretch(image: Image.Image, size: int) -> Pixels:
    # reducing_gap 3 halves large photographs in fast steps first; the result is within rounding.
    return np.array(image.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0))


def normalise(batch: Pixels) -> NDArray[np.float32]:
    """Bring uint8 RGB to the channel statistics of ImageNet.

    Args:
        batch: uint8 [B, height, width, 3], 0 to 255.

    Returns:
        float32 [B, 3, height, width], about -2.1 to 2.6; in memory [B, height, width, 3] as before, the layout
        channels_last that models are fastest in.

    Raises:
        ValueError: ``batch`` is not uint8 [B, height, width, 3].
    """
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[3] != 3:
        raise ValueError(f"expected uint8 [B, height, width, 3], got {batch.dtype} {batch.shape}")
    count, height, width, _ = batch.shape
    # A row of pixels at once: NumPy takes each innermost loop on its own, and one of three channels is slow.
    rows = batch.reshape(count * height, width * 3).astype(np.float32)
    rows /= np.float32(255)
    rows -= np.tile(MEAN, width)
    rows /= np.tile(STD, width)
    return rows.reshape(batch.shape).transpose(0, 3, 1, 2)


def denormalise(batch: NDArray[np.float32]) -> Pixels:
    """Undo ``normalise`` for display: ``denormalise(normalise(x))`` is x, bit for bit.

    Args:
        batch: Float [B, 3, height, width]; values beyond black and white are clipped.

    Returns:
        uint8 [B, height, width, 3].

    Raises:
        ValueError: ``batch`` is not a float array [B, 3, height, width].
    """
    if batch.dtype.kind != "f" or batch.ndim != 4 or batch.shape[1] != 3:
        raise ValueError(f"expected float [B, 3, height, width], got {batch.dtype} {batch.shape}")
    levels = (batch.transpose(0, 2, 3, 1) * STD + MEAN) * 255
    return np.ascontiguousarray(np.rint(levels).clip(0, 255).astype(np.uint8))


def _refusal(name: str | Path, why: str, mend: str) -> ImageRefused:
    return ImageRefused(f"{name}: {why}; {mend}")


_UNREADABLE = "save it again as JPEG or PNG"
_DAMAGED = "fetch or export it again"
_NO_MEMORY = "out of memory when reading image file"
"""All that an OSError of Pillow's decoders says where they were refused memory."""


def _decode(file: IO[bytes], length: int, name: str, needed: int | None) -> Image.Image:
    if not length:
        raise _refusal(name, "is empty (0 bytes)", _DAMAGED)
    try:
        with _without_warnings(), Image.open(file, formats=_FORMATS) as image:
            _check_size(image, name)
            if needed is not None:
                image.draft(None, (_MARGIN * needed, _MARGIN * needed))  # at least this; formats but JPEG ignore it
            image.load()
            _set_upright(image)
            return _rgb(image, name)
    except ImageRefused:
        raise
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except UnidentifiedImageError:
        raise _refusal(name, "is not an image of a known format, or cut short", _UNREADABLE) from None
    except MemoryError:
        raise _outgrown(name) from None
    # Pillow's decoders raise nearly anything on damaged files: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        if str(error) == _NO_MEMORY:
            raise _outgrown(name) from None
        detail = " ".join(str(error).split()) or type(error).__name__
        raise _refusal(name, f"is damaged or cut short ({detail})", _DAMAGED) from None


def _outgrown(name: str) -> ImageOutgrewMemory:
    return ImageOutgrewMemory(f"{name}: does not fit into memory; scale it down")


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name, f"{image.width} x {image.height} pixels, ")
    if not image.width or not image.height:
        raise _refusal(name, "has no pixels", _DAMAGED)


def _too_large(name: str, size: str = "") -> ImageRefused:
    return _refusal(name, f"is too large ({size}limit {MAX_PIXELS // 10**6} megapixels)", "scale it down")


def _set_upright(image: Image.Image) -> None:
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # the pixels are sound; damaged metadata only means that no rotation is known
        return


def _rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        image = _eight_bit(image)
    if image.mode in ("I", "F"):
        kind = "32-bit integer" if image.mode == "I" else "floating-point"
        raise _refusal(name, f"has {kind} pixels of unknown range", "save it with 8 or 16 bits a channel")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 0..65535 to 0..255, rounded; Pillow's own conversion would clip at 255."""
    levels = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((levels + 128) // 257).astype(np.uint8))


_filters_lock = threading.Lock()


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence Pillow (size, damaged EXIF): what matters is refused, the rest is no one's business.

    The list of filters belongs to the process, so that two threads must not swap it at a time.
    """
    with _filters_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
