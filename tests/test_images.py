"""Every odd file is made here, with Pillow or byte by byte; expected pixels are worked by hand."""

import io
import os
import pickle
import stat
import struct
import tempfile
import threading
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from fisa import images
from fisa.images import (
    IMAGE_SUFFIXES,
    ImageRefused,
    decode,
    decode_square,
    decode_within,
    denormalise,
    normalise,
    to_square,
)

# A loaded machine is no failure.
unhurried = settings(deadline=None, max_examples=50)

ROW, COLUMN = np.mgrid[0:24, 0:32]
PATTERN = np.stack([COLUMN * 8, ROW * 10, (ROW * COLUMN) % 256], axis=-1).astype(np.uint8)


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


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


class TestDecode:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
    def test_lossless_formats_exactly(self, kind, tmp_path):
        path = tmp_path / "pattern"
        path.write_bytes(encoded(PATTERN, kind))
        for source in (path, path.read_bytes()):
            image = decode(source)
            assert image.dtype == np.uint8 and image.flags.writeable and image.flags.c_contiguous
            assert np.array_equal(image, PATTERN)

    def test_lossless_webp_exactly(self):
        assert np.array_equal(decode(encoded(PATTERN, "WEBP", lossless=True)), PATTERN)

    @pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
    def test_lossy_formats_closely(self, kind):
        smooth = np.dstack([COLUMN * 8, ROW * 10, 255 - COLUMN * 8]).astype(np.uint8)
        assert np.abs(decode(encoded(smooth, kind, quality=95)).astype(int) - smooth).mean() < 4

    def test_progressive_and_multi_picture_jpeg(self):
        plain = decode(encoded(PATTERN, "JPEG"))
        assert np.array_equal(decode(encoded(PATTERN, "JPEG", progressive=True)), plain)
        other = Image.fromarray(255 - PATTERN)
        assert np.array_equal(decode(encoded(PATTERN, "MPO", save_all=True, append_images=[other])), plain)

    def test_one_pixel(self):
        assert decode(encoded(np.array([[[1, 2, 3]]], np.uint8))).tolist() == [[[1, 2, 3]]]

    def test_extreme_proportions(self):
        strip = np.broadcast_to(np.arange(30000, dtype=np.uint32) % 256, (10, 30000)).astype(np.uint8)
        image = decode(encoded(strip))
        assert image.shape == (10, 30000, 3)
        assert to_square(image, 96).shape == to_square(image.transpose(1, 0, 2), 96).shape == (96, 96, 3)

    def test_grey(self):
        assert decode(encoded(np.array([[0, 7, 255]], np.uint8))).tolist() == [[[0] * 3, [7] * 3, [255] * 3]]

    def test_one_bit(self):
        bits = Image.fromarray(np.array([[0, 255, 0]], np.uint8)).convert("1")
        for kind in ("PNG", "TIFF", "PPM"):
            assert decode(encoded(bits, kind))[0, :, 0].tolist() == [0, 255, 0]

    # v / 257, rounded: 128 / 257 is under a half, 129 / 257 over it. Pillow's own convert("L") clips at 255.
    SIXTEEN = np.array([[0, 128, 129, 257, 32896, 65406, 65407, 65535]], np.uint16)
    EIGHT = (0, 0, 1, 1, 128, 254, 255, 255)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_sixteen_bit_grey_is_scaled(self, kind):
        image = decode(encoded(self.SIXTEEN, kind))
        assert image.tolist() == [[[level] * 3 for level in self.EIGHT]]

    def test_sixteen_bit_grey_of_other_makers(self, tmp_path):
        big_endian = self.SIXTEEN.astype(">u2").tobytes()
        for content in (png(8, 1, 16, 0, b"\0" + big_endian), b"P5 8 1 65535\n" + big_endian):
            assert decode(content)[0, :, 0].tolist() == list(self.EIGHT)

    def test_sixteen_bit_colour(self):
        # Pillow keeps the high byte of colour channels: 0x80ff is 0x80.
        content = png(1, 1, 16, 2, b"\0" + struct.pack(">HHH", 0, 0x80FF, 0xFFFF))
        assert decode(content).tolist() == [[[0, 0x80, 255]]]

    def test_cmyk(self):
        # Cyan, no ink, black ink.
        inks = np.array([[[255, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
        cmyk = Image.frombytes("CMYK", (3, 1), inks.tobytes())
        assert decode(encoded(cmyk, "TIFF")).tolist() == [[[0, 255, 255], [255, 255, 255], [0, 0, 0]]]
        flat = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
        assert np.abs(decode(encoded(flat, "JPEG")).astype(int) - [0, 255, 255]).max() <= 3

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
    def test_alpha_lies_over_white(self, kind):
        # Black, alpha 0 / 51 / 255: 255, 255 * 4/5 = 204, 0.
        pixels = np.array([[[0, 0, 0, 0], [0, 0, 0, 51], [0, 0, 0, 255]]], np.uint8)
        options = {"lossless": True} if kind == "WEBP" else {}
        assert decode(encoded(pixels, kind, **options))[0, :, 1].tolist() == [255, 204, 0]

    def test_grey_with_alpha(self):
        pixels = Image.frombytes("LA", (3, 1), bytes([0, 0, 0, 51, 100, 255]))
        assert decode(encoded(pixels))[0].tolist() == [[255] * 3, [204] * 3, [100] * 3]

    def test_sixteen_bit_grey_with_alpha(self):
        content = png(2, 1, 16, 4, b"\0" + struct.pack(">HHHH", 0, 0, 0, 0xFFFF))
        assert decode(content)[0, :, 0].tolist() == [255, 0]

    def test_palette_with_transparent_entries(self):
        palette = Image.frombytes("P", (3, 1), bytes([0, 1, 2]))
        palette.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 200])
        expected = [[10, 20, 30], [200, 0, 0], [0, 0, 200]]
        assert decode(encoded(palette))[0].tolist() == expected
        assert decode(encoded(palette, transparency=1))[0].tolist() == [expected[0], [255] * 3, expected[2]]
        # One alpha an entry: 0, 51 (1/5 of red over white), opaque.
        alphas = encoded(palette, transparency=bytes([0, 51, 255]))
        assert decode(alphas)[0].tolist() == [[255] * 3, [244, 204, 204], expected[2]]
        assert decode(encoded(palette, "GIF", transparency=2))[0].tolist() == [*expected[:2], [255] * 3]

    def test_transparent_colour_of_an_rgb_png(self):
        key = Image.fromarray(np.array([[[1, 2, 3], [1, 2, 4]]], np.uint8))
        assert decode(encoded(key, transparency=(1, 2, 3)))[0].tolist() == [[255] * 3, [1, 2, 4]]

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
    def test_first_frame_of_an_animation(self, kind):
        red, blue = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
        options = {"lossless": True} if kind == "WEBP" else {}
        image = decode(encoded(red, kind, save_all=True, append_images=[blue], **options))
        assert image.shape == (8, 8, 3) and (image == [255, 0, 0]).all()

    # The EXIF orientations, after the specification: what turns the stored pixels upright.
    UPRIGHT = {  # noqa: RUF012
        1: lambda stored: stored,
        2: lambda stored: stored[:, ::-1],
        3: lambda stored: stored[::-1, ::-1],
        4: lambda stored: stored[::-1],
        5: lambda stored: stored.transpose(1, 0, 2),
        6: lambda stored: np.rot90(stored, -1),
        7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
        8: lambda stored: np.rot90(stored, 1),
    }

    @pytest.mark.parametrize("orientation", UPRIGHT)
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
    def test_exif_rotation(self, orientation, kind):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if kind == "WEBP" else {}
        stored = decode(encoded(PATTERN, kind, **options))
        image = decode(encoded(PATTERN, kind, exif=exif, **options))
        assert np.array_equal(image, self.UPRIGHT[orientation](stored))

    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09"]
    )
    def test_damaged_exif_only_loses_the_rotation(self, exif):
        assert np.array_equal(decode(encoded(PATTERN, "JPEG", exif=exif)), decode(encoded(PATTERN, "JPEG")))

    def test_other_colour_spaces(self):
        ycc = Image.new("YCbCr", (16, 16), (76, 85, 255))  # red
        assert np.abs(decode(encoded(ycc, "JPEG")).astype(int) - [254, 0, 0]).max() <= 3

    def test_many_threads_leave_the_warning_filters_alone(self):
        before = warnings.filters[:]
        content = encoded(PATTERN)
        threads = [threading.Thread(target=lambda: [decode(content) for _ in range(20)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert warnings.filters == before


class TestRefusals:
    def test_names(self, tmp_path):
        path = tmp_path / "note.jpg"
        path.write_text("hello")
        assert refusal(path).startswith(f"{path}: is not an image of a known format")
        assert refusal(path, "holiday.jpg").startswith("holiday.jpg: ")
        assert refusal(b"hello", "upload.png").startswith("upload.png: ")
        assert refusal(b"hello").startswith("image: ")

    def test_empty(self, tmp_path):
        (tmp_path / "nothing.png").touch()
        assert "is empty (0 bytes)" in refusal(tmp_path / "nothing.png")
        assert "is empty (0 bytes)" in refusal(b"")

    def test_missing(self, tmp_path):
        assert "no such file; check the path" in refusal(tmp_path / "gone.png")
        (tmp_path / "file").touch()
        assert refusal(tmp_path / "file" / "below.png").endswith("check the path and the disk")

    def test_folder(self, tmp_path):
        assert "is a folder" in refusal(tmp_path)

    def test_link_that_leads_nowhere_or_to_itself(self, tmp_path):
        (tmp_path / "dangling.png").symlink_to(tmp_path / "gone.png")
        assert "no such file" in refusal(tmp_path / "dangling.png")
        (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
        assert "cannot be read" in refusal(tmp_path / "loop.png")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
    def test_pipe_is_refused_instead_of_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.png")
        assert "not a regular file" in refusal(tmp_path / "pipe.png")

    def test_impossible_paths(self):
        assert "is not a possible path" in refusal(Path("nul\0.png"))
        assert "cannot be read" in refusal(Path("x" * 5000))

    def test_no_permission(self):
        with forbidden() as (folder, file):
            assert refusal(file) == f"{file}: may not be read; ask for read permission on the file and its folder"
            assert "may not be read" in refusal(folder / "inside.png")

    def test_read_error(self, tmp_path, monkeypatch):
        path = tmp_path / "a.png"
        path.write_bytes(encoded(PATTERN))

        def fail(*args, **kwargs):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Path, "open", fail)
        assert "cannot be read (Input/output error)" in refusal(path)

    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("JPEG", {}),
            ("JPEG", {"progressive": True}),
            ("PNG", {}),
            ("GIF", {}),
            ("BMP", {}),
            ("PPM", {}),
            ("TIFF", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("WEBP", {}),
            ("AVIF", {}),
        ],
    )
    def test_cut_short_anywhere_is_refused_never_half_grey(self, kind, options):
        content = encoded(PATTERN, kind, **options)
        whole = decode(content)
        refused = 0
        for length in range(len(content)):
            try:
                image = decode(content[:length])
            except ImageRefused as error:
                assert "cut short" in str(error) or "0 bytes" in str(error)
                refused += 1
            else:  # only a trailer was lost
                assert np.array_equal(image, whole)
        assert refused >= len(content) - 30

    def test_damaged_inside(self):
        content = bytearray(encoded(PATTERN))
        content[len(content) // 2] ^= 0xFF
        assert "is damaged or cut short" in refusal(bytes(content))

    @unhurried
    @given(st.binary(max_size=200), st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM"]))
    def test_any_bytes_are_decoded_or_refused(self, tail, kind):
        content = encoded(PATTERN[:4, :4], kind)
        for damaged in (tail, content[:12] + tail, content[: len(content) // 2] + tail):
            try:
                assert decode(damaged).ndim == 3
            except ImageRefused as error:
                assert "\n" not in str(error)

    @pytest.mark.parametrize("side", [10_001, 14_000, 60_000])
    def test_decompression_bombs(self, side, tmp_path):
        # A few hundred kilobytes at most that state up to 3.6 gigapixels; nothing is unpacked.
        rows = b"\0" * 1000
        path = tmp_path / "bomb.png"
        path.write_bytes(png(side, side, 8, 0, rows))
        message = refusal(path)
        assert "is too large" in message and "100 megapixels" in message and message.endswith("scale it down")

    def test_the_limit_is_ours(self, monkeypatch):
        # 24 x 32 = 768 pixels. Pillow warns from its own limit on and raises from twice that.
        content = encoded(PATTERN)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
        assert decode(content).shape == PATTERN.shape
        monkeypatch.setattr("fisa.images.MAX_PIXELS", 768)
        assert decode(content).shape == PATTERN.shape
        monkeypatch.setattr("fisa.images.MAX_PIXELS", 767)
        assert "(32 x 24 pixels, limit" in refusal(content)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
        assert "is too large" in refusal(content)

    def test_out_of_memory(self, monkeypatch):
        def fail(*args, **kwargs):
            raise MemoryError

        monkeypatch.setattr(Image.Image, "convert", fail)
        assert refusal(encoded(PATTERN)) == "image: does not fit into memory; scale it down"

    def test_text_bomb_in_a_png(self):
        text = b"Comment\0\0" + zlib.compress(bytes(70_000_000))
        chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
        assert refusal(png(1, 1, 8, 0, b"\0\0", chunk)).startswith("image: is damaged")

    @pytest.mark.parametrize(("mode", "kind"), [("F", "floating-point"), ("I", "32-bit integer")])
    def test_pixels_of_unknown_range(self, mode, kind):
        message = refusal(encoded(Image.new(mode, (4, 4)), "TIFF"))
        assert f"has {kind} pixels of unknown range; save it with 8 or 16 bits" in message

    def test_formats_that_need_another_program(self):
        eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n"
        svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
        for content in (eps, svg):
            assert "is not an image of a known format" in refusal(content)

    def test_a_refusal_travels_between_processes(self):
        error = pickle.loads(pickle.dumps(ImageRefused("a.png: no such file; check the path")))
        assert isinstance(error, ImageRefused) and str(error) == "a.png: no such file; check the path"


@contextmanager
def forbidden():
    """A folder and a file in an open folder, neither of which the current user may read."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        folder, file = root / "locked", root / "locked.png"
        folder.mkdir()
        file.write_bytes(encoded(PATTERN))
        (folder / "inside.png").write_bytes(encoded(PATTERN))
        (root / "open.png").write_bytes(encoded(PATTERN))
        folder.chmod(0)
        file.chmod(0)
        was_root = os.geteuid() == 0
        if was_root:  # root may read everything
            os.seteuid(65534)
        try:
            yield folder, file
        finally:
            if was_root:
                os.seteuid(0)
            folder.chmod(stat.S_IRWXU)


class TestToSquare:
    def test_same_size_is_unchanged(self):
        square = PATTERN[:, :24]
        result = to_square(square, 24)
        assert np.array_equal(result, square) and not np.shares_memory(result, square)

    def test_flat_colour_stays(self):
        image = np.full((37, 91, 3), (12, 200, 255), np.uint8)
        for size in (1, 16, 200):
            assert (to_square(image, size) == [12, 200, 255]).all()

    def test_places_keep_their_fraction_of_the_sides(self):
        # The right quarter and the lower half white: they stay the right quarter and the lower half.
        image = np.zeros((60, 240, 3), np.uint8)
        image[30:, 180:] = 255
        square = to_square(image, 96)
        expected = np.zeros((96, 96, 3), np.uint8)
        expected[48:, 72:] = 255
        sure = np.ones((96, 96), bool)
        sure[46:50] = sure[:, 70:74] = False
        assert np.abs(square.astype(int) - expected)[sure].max() <= 2

    def test_antialiased(self):
        # A checkerboard of single pixels is grey from afar; nearest-neighbour sampling would keep black or white.
        board = np.repeat(((np.indices((512, 768)).sum(axis=0) % 2) * 255)[..., None], 3, axis=2).astype(np.uint8)
        assert np.abs(to_square(board, 32).astype(int) - 127.5).max() < 10

    def test_mean_brightness_is_kept(self):
        noise = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)
        assert to_square(noise, 50).mean() == pytest.approx(noise.mean(), abs=1)

    def test_same_input_same_output(self):
        noise = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)
        assert np.array_equal(to_square(noise, 64), to_square(noise.copy(), 64))
        assert np.array_equal(to_square(noise[:, ::-1], 64), to_square(np.ascontiguousarray(noise[:, ::-1]), 64))

    @pytest.mark.parametrize(
        "image",
        [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
    )
    def test_other_arrays_are_refused(self, image):
        with pytest.raises(ValueError, match=r"expected uint8 RGB \[height, width, 3\]"):
            to_square(image, 8)

    def test_size_is_checked(self):
        with pytest.raises(ValueError, match="size is 0"):
            to_square(PATTERN, 0)


class TestDecodeSquare:
    BLOCKS = np.random.default_rng(0).integers(40, 216, (16, 16, 3), dtype=np.uint8)
    LARGE = BLOCKS.repeat(8, 0).repeat(8, 1)  # 128 x 128: each block that JPEG transforms has one colour

    @pytest.fixture
    def stretched(self, monkeypatch):
        """Width and height of each image that was decoded, before it became a square."""
        sizes = []

        def stretch(image, size):
            sizes.append(image.size)
            return real(image, size)

        real = images._stretch
        monkeypatch.setattr(images, "_stretch", stretch)
        return sizes

    def test_a_jpeg_at_an_eighth_is_the_means_of_its_blocks(self, stretched):
        # The first coefficient of a block's cosine transform is its mean, and at an eighth no other is used.
        square = decode_square(encoded(self.LARGE, "JPEG", quality=100, subsampling=0), 8)
        assert stretched == [(16, 16)]
        assert np.abs(square.astype(int) - to_square(self.BLOCKS, 8)).max() <= 2

    @pytest.mark.parametrize(
        ("width", "height", "size", "decoded"),
        [
            (500, 400, 96, (250, 200)),  # 400 / 192 = 2.1
            (500, 400, 101, (500, 400)),  # 400 / 202 < 2
            (500, 400, 100, (250, 200)),  # 400 / 200 = 2
            (387, 500, 96, (194, 250)),  # halves are rounded up
            (768, 2000, 96, (192, 500)),  # 768 / 192 = 4
            (767, 2000, 96, (384, 1000)),
            (1536, 1600, 96, (192, 200)),  # 1536 / 192 = 8, the most
            (3200, 3200, 96, (400, 400)),
            (60, 40, 96, (60, 40)),
        ],
    )
    def test_both_sides_stay_twice_what_is_needed(self, stretched, width, height, size, decoded):
        assert decode_square(encoded(Image.new("RGB", (width, height)), "JPEG"), size).shape == (size, size, 3)
        assert stretched == [decoded]

    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
    def test_close_to_the_whole_image(self, options, stretched):
        # Smooth but for an edge. Beside the image before JPEG; decoded whole it is 0.6 off, moved by a pixel 14.
        row, column = np.mgrid[0:400, 0:600] / 100
        waves = [np.sin(row * column), np.cos(3 * row), np.where(column > row, 1.0, -1.0)]
        photograph = (127 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)
        content = encoded(photograph, "JPEG", quality=90, **options)
        difference = decode_square(content, 64).astype(float) - to_square(photograph, 64)
        assert stretched[0] == (300, 200)  # 400 / 128 = 3.1: half
        assert np.sqrt((difference**2).mean()) < 1

    @pytest.mark.parametrize("orientation", TestDecode.UPRIGHT)
    def test_turned_upright(self, orientation, stretched):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"quality": 100, "subsampling": 0, "exif": exif}
        square = decode_square(encoded(self.LARGE[:, :64], "JPEG", **options), 4)
        upright = TestDecode.UPRIGHT[orientation](self.BLOCKS[:, :8])
        assert stretched == [upright.shape[1::-1]]
        assert np.abs(square.astype(int) - to_square(np.ascontiguousarray(upright), 4)).max() <= 2

    def test_cmyk_and_grey(self, stretched):
        cyan = np.zeros((128, 128, 4), np.uint8)
        cyan[..., 0] = 255
        square = decode_square(encoded(Image.fromarray(cyan, "CMYK"), "JPEG"), 8)
        assert np.abs(square.astype(int) - [0, 255, 255]).max() <= 3
        grey = decode_square(encoded(np.full((128, 128), 77, np.uint8), "JPEG"), 8)
        assert np.abs(grey.astype(int) - 77).max() <= 1
        assert stretched == [(16, 16), (16, 16)]

    def test_other_formats_are_decoded_whole(self, stretched):
        assert np.array_equal(decode_square(encoded(self.LARGE), 8), to_square(self.LARGE, 8))
        assert stretched[0] == (128, 128)

    def test_a_file_or_its_content(self, tmp_path):
        path = tmp_path / "a.jpg"
        path.write_bytes(encoded(self.LARGE, "JPEG"))
        assert np.array_equal(decode_square(path, 8), decode_square(path.read_bytes(), 8))

    def test_the_refusals_are_those_of_the_whole_image(self, monkeypatch):
        content = encoded(self.LARGE, "JPEG")
        for source in (b"", b"text", content[:100], content[: len(content) // 2], content[:-40], Path("gone.jpg")):
            with pytest.raises(ImageRefused) as caught:
                decode_square(source, 8, "it")
            assert str(caught.value) == refusal(source, "it")
        monkeypatch.setattr("fisa.images.MAX_PIXELS", 128 * 128 - 1)  # though 16 x 16 would be decoded
        with pytest.raises(ImageRefused, match=r"\(128 x 128 pixels, limit"):
            decode_square(content, 8)

    def test_size_is_checked_before_anything_is_read(self):
        with pytest.raises(ValueError, match="size is 0"):
            decode_square(Path("gone.jpg"), 0)


class TestNormalise:
    def test_by_hand(self):
        # Red: (255/255 - 0.485) / 0.229, 0 - 0.456 / 0.224, 0 - 0.406 / 0.225.
        batch = normalise(np.array([[[[255, 0, 0]]]], np.uint8))
        assert batch.dtype == np.float32 and batch.shape == (1, 3, 1, 1)
        assert batch.ravel() == pytest.approx([0.515 / 0.229, -0.456 / 0.224, -0.406 / 0.225], rel=1e-6)

    def test_axes(self):
        batch = normalise(PATTERN[None])
        assert batch.shape == (1, 3, 24, 32)
        assert batch.transpose(0, 2, 3, 1).flags.c_contiguous  # channels_last: no model has to change the layout
        assert batch[0, 1, 5, 7] == pytest.approx((PATTERN[5, 7, 1] / 255 - 0.456) / 0.224, rel=1e-5)

    def test_every_level_survives_the_round_trip(self):
        levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None, None], 3, axis=3)
        assert np.array_equal(denormalise(normalise(levels)), levels)

    @unhurried
    @given(arrays(np.uint8, st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5), st.just(3))))
    def test_exact_inverse(self, batch):
        assert np.array_equal(denormalise(normalise(batch)), batch)

    def test_values_beyond_black_and_white_are_clipped(self):
        assert denormalise(np.array([[[[99]], [[-99]], [[0]]]], np.float32)).tolist() == [[[[255, 0, 104]]]]

    @pytest.mark.parametrize("batch", [np.zeros((1, 3, 4, 4), np.uint8), np.zeros((1, 4, 4, 3)), PATTERN])
    def test_only_uint8_batches_are_normalised(self, batch):
        with pytest.raises(ValueError, match="expected uint8"):
            normalise(batch)

    @pytest.mark.parametrize("batch", [np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 3, 4, 4), np.uint8)])
    def test_only_float_batches_are_denormalised(self, batch):
        with pytest.raises(ValueError, match="expected float"):
            denormalise(batch)


class TestDecodeWithin:
    @pytest.mark.parametrize(
        ("width", "height", "side", "shape"),
        [
            (90, 60, 30, (20, 30)),
            (1, 60, 30, (30, 1)),  # 1 / 2 pixel is one
            (90, 60, 90, (60, 90)),
            (90, 60, 200, (60, 90)),  # not enlarged
        ],
    )
    def test_the_longer_side_fits_and_the_shape_stays(self, width, height, side, shape):
        assert decode_within(encoded(Image.new("RGB", (width, height))), side).shape == (*shape, 3)

    def test_an_image_that_fits_is_as_decoded(self):
        assert np.array_equal(decode_within(encoded(PATTERN), 32), decode(encoded(PATTERN)))

    def test_a_large_jpeg_is_decoded_at_a_reduced_scale(self, monkeypatch):
        scales = []
        real = images._rgb
        monkeypatch.setattr(images, "_rgb", lambda image, name: (scales.append(image.size), real(image, name))[1])
        grey = decode_within(encoded(Image.new("RGB", (800, 400), (77, 77, 77)), "JPEG"), 20)
        # 400 / 40 is more than 8, the most that blocks are reduced by: an eighth.
        assert scales == [(100, 50)] and grey.shape == (10, 20, 3) and (grey == 77).all()

    def test_refusals(self):
        with pytest.raises(ImageRefused, match="it: is empty"):
            decode_within(b"", 8, "it")
        with pytest.raises(ValueError, match="size is 0"):
            decode_within(encoded(PATTERN), 0)


def test_suffixes_are_lower_case_and_readable():
    Image.init()
    assert all(suffix == suffix.lower() for suffix in IMAGE_SUFFIXES)
    assert {Image.EXTENSION[suffix] for suffix in IMAGE_SUFFIXES} <= {
        *("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM")
    }
