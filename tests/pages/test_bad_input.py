"""Whatever is gone, too much or strangely named: text is shown as text, and nothing ever ends in an exception box."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit
import trees
from PIL import Image
from streamlit.testing.v1 import AppTest

from fisa.emotions import MIKELS8
from fisa.runs.format import DIGESTS, TRAINING
from fisa.ui import counted, photographs

Visit = Callable[..., AppTest]
STRANGE = (
    "<img src=x onerror=alert(1)>.png",
    "$x^2$ :red[no] **b**.png",
    "=cmd|' /C calc'!A0.png",
    "-1+1|@SUM.png",
    "🙂 صورة ‮gnp.png",
)


def picture(seed: int, side: int = 24, **options: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG", **options)
    return file.getvalue()


def unescaped(text: str) -> str:
    return re.sub(r"\\(?=\W)", "", text)


def readable(name: str) -> str:
    """The name in a sentence, which it must not turn around."""
    return name.replace("\u202e", "\ufffd")


@pytest.fixture
def shelved(shelf: Path, tiny_runs: Path) -> Path:
    """Copies of the two small runs, which a test may harm."""
    for name in ("fisa", "cnn"):
        shutil.copytree(tiny_runs / name, shelf / name)
    return shelf


@pytest.mark.parametrize("page", ["retrieval", "gallery", "map"])
def test_a_run_that_is_deleted_while_open_gives_way_to_another(page: str, shelved: Path, visit: Visit) -> None:
    app = visit(page, run="fisa")
    assert not app.warning
    shutil.rmtree(shelved / "fisa")
    app.run()
    assert not app.exception and not app.error
    assert [unescaped(each.value) for each in app.warning] == ["There is no run “fisa” here; showing “cnn” instead."]
    shutil.rmtree(shelved / "cnn")
    app.run()
    assert not app.exception and not app.error
    assert "No trained run was found" in app.info[0].value


def test_a_link_to_a_run_that_is_still_trained_opens_another(shelved: Path, visit: Visit) -> None:
    (shelved / "fisa" / DIGESTS).unlink()  # it is written last
    (shelved / "fisa" / TRAINING).mkdir()
    app = visit("explain", run="fisa", image="iid-00003")
    assert not app.exception and not app.main.error  # the sidebar says that this one is not finished
    assert app.query_params["run"] == "cnn" and app.query_params["image"] == "iid-00003"
    assert "There is no run “fisa” here" in unescaped(app.warning[0].value)


def test_three_hundred_photographs_at_once_are_each_looked_at_once(
    full: Path, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(counted.FILE, str(tmp_path / "computed"))
    app = visit("images", run="cnn")
    good = [(f"{number}.png", picture(number), "image/png") for number in range(280)]
    bad = [(f"bad{number}.png", b"no image", "image/png") for number in range(20)]
    app.file_uploader[0].set_value([*good, *bad]).run()
    assert not app.exception and not app.error
    assert len(app.dataframe[0].value) == 280
    refused = [unescaped(each.value) for each in app.warning]
    assert refused[0].startswith("bad0.png: ") and "12 more were refused." in refused  # eight are said one by one
    rest = "\n".join(unescaped(each.value) for each in app.markdown)
    assert all(f"bad{number}.png: " in rest for number in range(8, 20))  # and the others can be read
    computed, _ = counted.read_counts(tmp_path / "computed")
    assert computed["photograph"] == computed["explanation"] == 280
    app.selectbox(key="photograph").select("17.png").run()
    after, again = counted.read_counts(tmp_path / "computed")  # its maps are painted now, and nothing else is done
    assert after["overlay"] == computed["overlay"] + 1 and not again
    assert {**after, "overlay": 0} == {**computed, "overlay": 0}


def test_a_photograph_of_fifty_megabytes_is_explained(full: Path, visit: Visit) -> None:
    large = picture(0, side=4200, compress_level=0)  # 3 bytes a pixel, nothing saved
    assert 50e6 < len(large) < 55e6
    app = visit("images", run="fisa")
    app.file_uploader[0].set_value([("large.png", large, "image/png")]).run()
    assert not app.exception and not app.error
    assert app.header[0].value == r"large\.png"


def test_strange_file_names_are_shown_as_text_and_harmless_in_csv(
    full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[object] = []
    monkeypatch.setattr("fisa.ui.photographs.st.download_button", lambda _label, data, *_, **__: offered.append(data))
    app = visit("images", run="fisa")
    app.file_uploader[0].set_value([(name, picture(number), "image/png") for number, name in enumerate(STRANGE)]).run()
    for name in STRANGE:
        app.selectbox(key="photograph").select(name).run()
        assert not app.exception and not app.error
        assert unescaped(app.header[0].value) == readable(name)
    assert app.selectbox(key="photograph").options == list(STRANGE)
    table = pd.read_csv(io.StringIO([data for data in offered if isinstance(data, str)][-1]))  # others are made later
    assert list(table["file"]) == [f"'{name}" if name[0] in "=-" else name for name in STRANGE]
    assert table[list(MIKELS8.labels)].sum(axis=1).to_numpy() == pytest.approx(1)


def test_a_run_that_cannot_be_opened_takes_no_other_s_place(shelved: Path, visit: Visit) -> None:
    shutil.copytree(shelved / "cnn", shelved / "cnn-2")
    (shelved / "cnn-2" / "config.yaml").write_bytes(b"\x00")
    app = visit("gallery", run="cnn-3")  # whose nearest by its number would be cnn-2
    assert not app.exception and not app.error and app.query_params["run"] in ("cnn", "fisa")
    assert len(app.warning) == 1 and "cnn-3" in unescaped(app.warning[0].value)
    app = visit("gallery", run="cnn-2")  # but who asks for it learns why
    assert not app.exception and app.query_params["run"] == "cnn-2"
    assert any("cnn-2" in unescaped(error.value) for error in app.error)


def test_a_run_with_a_damaged_file_keeps_itself_out_of_the_measures_and_no_other(shelved: Path, visit: Visit) -> None:
    (shelved / "cnn" / "predictions.parquet").write_bytes(b"PAR1 and no more")
    streamlit.cache_data.clear()
    for run in ("fisa", "cnn"):
        app = visit("metrics", run=run)
        assert not app.exception
        assert all("cnn" in unescaped(error.value) for error in app.error) and app.error
        measured = list(app.table[0].value.columns)
        assert "fisa" in measured and "cnn" not in measured


@pytest.mark.parametrize("text", STRANGE)
@pytest.mark.parametrize("name", ["run", "image", "slice", "filter"])
def test_strange_texts_in_the_address_are_said_as_text(name: str, text: str, full: Path, visit: Visit) -> None:
    app = visit("gallery", **{"run": "fisa", name: text})
    assert not app.exception and not app.error
    said = [unescaped(each.value) for each in app.warning]
    assert len(said) == 1 and readable(text[:20].split(";")[0]) in said[0]


def test_files_of_one_name_are_told_apart() -> None:
    files: list[Any] = [SimpleNamespace(name=name) for name in ("a.png", "a.png", "a.png (2)", "b.png", "a.png")]
    found = photographs.named(files)
    assert list(found) == ["a.png", "a.png (2)", "a.png (2) (2)", "b.png", "a.png (3)"]
    assert list(found.values()) == files


@pytest.mark.parametrize("kind", ["gallery", "check"])
def test_csv_of_a_data_set_runs_nothing(
    kind: str, tmp_path: Path, shelf: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))
    names = ["=1+1.jpg", *(f"{number}.jpg" for number in range(11))]
    trees.manifest(tmp_path / "set", ["image", *MIKELS8.labels], [[name, *range(8)] for name in names])
    if kind == "check":
        (tmp_path / "set" / names[0]).unlink()  # its problem names it
    offered: dict[str, Any] = {}
    monkeypatch.setattr(streamlit, "download_button", lambda label, data, *_, **__: offered.update({label: data}))
    app = visit("data", data=str(tmp_path / "set"), view=kind)
    assert not app.exception
    table = pd.read_csv(io.StringIO(offered["CSV"]()))
    texts = [text for column in table.select_dtypes("str") for text in table[column].dropna()]
    assert "'=1+1.jpg" in texts and not any(text.startswith(("=", "+", "@", "-")) for text in texts)
