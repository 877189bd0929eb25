"""The mass-transfer matrix on the Metrics page, and the images behind a cell of it."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.runs import load_run
from fisa.transport import wheel_transport

Visit = Callable[..., AppTest]


def couplings(folder: Path) -> tuple[list[str], np.ndarray]:
    manifest = open_dataset("planted-tiny").manifest
    truth = manifest[[f"truth_{label}" for label in MIKELS8.labels]].to_numpy(float)
    predicted = load_run(folder / "fisa").predictions[list(MIKELS8.labels)].to_numpy(float)
    return [str(name) for name in manifest["id"]], wheel_transport(truth, predicted, MIKELS8.wheel)


def said(app: AppTest) -> list[str]:
    return [re.sub(r"\\(?=\W)", "", caption.value) for caption in app.caption]


def test_the_images_of_a_pair_stand_with_most_of_its_mass_first(full: Path, visit: Visit) -> None:
    ids, mass = couplings(full)
    way = mass[:, MIKELS8.index("awe"), MIKELS8.index("contentment")]
    app = visit("metrics", run="fisa", moved="awe>contentment")
    assert not app.exception and not app.warning
    order = np.argsort(-way, kind="stable")
    shown = [f"{way[place]:.1%}" for place in order[:8] if way[place] > 0]
    texts = said(app)
    start = texts.index(shown[0])
    assert len(shown) > 1 and texts[start : start + len(shown)] == shown
    stays = np.trace(mass.mean(0))
    assert any(f"{stays:.1%} of the mass stays" in text for text in texts)
    links = [link.proto.query_string for link in app.get("page_link")]
    assert any(f"image={ids[order[0]]}" in link for link in links)
    assert any("slice=awe+to+contentment" in link for link in links)


def test_without_a_wish_the_pair_between_which_most_goes_is_shown(full: Path, visit: Visit) -> None:
    _, mass = couplings(full)
    mean = mass.mean(0) * (1 - np.eye(8))
    true, predicted = np.unravel_index(mean.argmax(), mean.shape)
    app = visit("metrics", run="fisa")
    assert app.query_params["moved"] == f"{MIKELS8.labels[true]}>{MIKELS8.labels[predicted]}"


def test_a_pair_that_is_none_becomes_the_nearest_and_is_said(full: Path, visit: Visit) -> None:
    app = visit("metrics", run="fisa", moved="awe>contentmend")
    assert app.query_params["moved"] == "awe>contentment" and "contentmend" in app.warning[0].value
