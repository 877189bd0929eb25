"""Images of every kind become the pixels that a person sees; expected pixels are worked by hand."""

import struct
import threading
import warnings

import numpy as np
import pytest
from pictures import COLUMN, PATTERN, ROW, UPRIGHT, encoded, png
from PIL import Image

from fisa.images import IMAGE_SUFFIXES, decode, to_square

pytestmark = pytest.mark.filterwarnings("error")


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

    @pytest.mark.parametrize("orientation", UPRIGHT)
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
    def test_exif_rotation(self, orientation, kind):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if kind == "WEBP" else {}
        stored = decode(encoded(PATTERN, kind, **options))
        image = decode(encoded(PATTERN, kind, exif=exif, **options))
        assert np.array_equal(image, UPRIGHT[orientation](stored))

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


def test_suffixes_are_lower_case_and_readable():
    Image.init()
    assert all(suffix == suffix.lower() for suffix in IMAGE_SUFFIXES)
    assert {Image.EXTENSION[suffix] for suffix in IMAGE_SUFFIXES} <= {
        *("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM")
    }
