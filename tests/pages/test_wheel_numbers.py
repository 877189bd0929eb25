"""The numbers behind the wheel: what is predicted beside what is true, as bars, and the gap between them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

Visit = Callable[..., AppTest]


def test_row_09_degrees_stand_as_bars_and_their_gap_as_a_number_with_its_sign(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image="iid-00003")
    (twin,) = (each for each in app.dataframe if list(each.value)[:2] == ["truth", "fisa"])
    np.testing.assert_allclose(twin.value["gap"], twin.value["fisa"] - twin.value["truth"])
    columns = json.loads(twin.proto.columns)
    kinds = {name: columns[name]["type_config"]["type"] for name in columns}
    assert kinds == {**dict.fromkeys(twin.value, "progress"), "gap": "number"}
    scales = {columns[name]["type_config"]["max_value"] for name in twin.value if name != "gap"}
    assert scales == {twin.value.drop(columns="gap").to_numpy().max()}
