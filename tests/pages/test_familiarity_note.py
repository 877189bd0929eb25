"""A photograph unlike the training images carries a visible note; one that cannot be compared says why."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fisa.datasets import DataError, PlantedDataset
from fisa.explain.familiarity import familiarity
from fisa.runs import load_run

Visit = Callable[..., AppTest]


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


NOISE = png(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def notes(app: AppTest) -> str:
    return re.sub(r"\\(?=\W)", "", "\n".join(str(element.value) for element in (*app.warning, *app.caption)))


def uploaded(visit: Visit, content: bytes) -> AppTest:
    app = visit("images", run="fisa")
    app.file_uploader[0].set_value(("mine.png", content, "image/png")).run()
    assert not app.exception and not app.error
    return app


def test_noise_is_marked_and_a_scene_is_not(full: Path, visit: Visit) -> None:
    far = uploaded(visit, NOISE)
    (warning,) = far.warning
    assert "lies far from all that fisa was trained on" in warning.value
    assert "100.0% of 40 images that the training did not see lie nearer" in notes(far)
    scenes = PlantedDataset("planted-tiny", "iid", 64)
    run = load_run(full / "fisa")
    share = {index: familiarity(run, [scenes[index].image])[0].nearer for index in range(12)}
    nearest = min(share, key=lambda index: share[index])
    near = uploaded(visit, png(scenes[nearest].image))
    assert not near.warning
    assert f"It lies among what fisa was trained on: {share[nearest]:.1%} of 40 images" in notes(near)


def test_without_the_training_images_it_says_why(full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise DataError("/photos: no such folder; check the path")

    monkeypatch.setattr("fisa.explain.familiarity.open_data", gone)
    app = uploaded(visit, NOISE)
    assert "How far it lies from the training images cannot be said: /photos: no such folder" in notes(app)
    assert app.header  # and all the rest is shown
