"""What is no image, or one too many, is refused in one line that says why and what to do."""

import os
import pickle
import stat
import struct
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import PATTERN, encoded, png, refusal
from PIL import Image, ImageFile, ImageOps

from fisa.images import ImageRefused, decode

pytestmark = pytest.mark.filterwarnings("error")


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

    def test_a_decoder_that_is_refused_memory(self, monkeypatch):
        def fail(*args, **kwargs):
            raise ImageFile._get_oserror(-9, encoder=False)  # IMAGING_CODEC_MEMORY

        monkeypatch.setattr(Image.Image, "convert", fail)
        assert refusal(encoded(PATTERN)) == "image: does not fit into memory; scale it down"

    def test_an_orientation_for_which_memory_does_not_suffice_is_not_left_out(self, monkeypatch):
        def fail(*args, **kwargs):
            raise MemoryError

        monkeypatch.setattr(ImageOps, "exif_transpose", fail)
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
