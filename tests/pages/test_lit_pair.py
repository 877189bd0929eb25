"""A pair of emotions that is lit on Explain: named by the link, shown on wheel, matrix and picture, and put out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

Visit = Callable[..., AppTest]


def alts(app: AppTest, kind: str) -> str:
    return "\n".join(str(element.proto) for element in app.get(kind))


def test_a_link_lights_a_pair_and_a_button_puts_it_out(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", emotion="fear", lit="fear<-awe", head="together", matrix="contribution")
    assert not app.exception and not app.warning
    assert "Lit: awe acts on fear." in alts(app, "plotly_chart")
    assert "attention of fear and of awe, which acts on it" in alts(app, "image")
    assert any("fear receives from awe: contribution" in caption.value for caption in app.caption)
    app.button(key="matrix_contribution_together_out").click().run()
    assert "lit" not in app.query_params and "Lit:" not in alts(app, "plotly_chart")


@pytest.mark.parametrize("asked", ["fear<-aww", "<-", "fear"])
def test_a_pair_that_is_none_becomes_the_nearest_and_is_said(asked: str, full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", lit=asked)
    assert not app.exception and "pair of emotions" in app.warning[0].value
