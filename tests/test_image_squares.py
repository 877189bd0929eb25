"""Images at the size that is wanted: squares, and within a side; expected pixels are worked by hand."""

from pathlib import Path

import numpy as np
import pytest
from pictures import PATTERN, UPRIGHT, encoded, refusal
from PIL import Image

from fisa import images
from fisa.images import ImageRefused, decode, decode_square, decode_within, to_square

pytestmark = pytest.mark.filterwarnings("error")


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

    @pytest.mark.parametrize("orientation", UPRIGHT)
    def test_turned_upright(self, orientation, stretched):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"quality": 100, "subsampling": 0, "exif": exif}
        square = decode_square(encoded(self.LARGE[:, :64], "JPEG", **options), 4)
        upright = UPRIGHT[orientation](self.BLOCKS[:, :8])
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
