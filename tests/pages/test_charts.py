"""How figures are handed to Streamlit."""

import json

from streamlit.testing.v1 import AppTest


def two_maps() -> None:
    import numpy as np
    import plotly.graph_objects as go

    from fisa.ui.widgets import MANY_DOTS, chart

    for name, dots in (("few", MANY_DOTS), ("many", MANY_DOTS + 1)):
        half = np.arange(dots // 2, dtype=float), np.arange(dots - dots // 2, dtype=float)
        chart(go.Figure([go.Scattergl(x=each, y=each) for each in half]), name)


def test_only_many_dots_are_drawn_at_the_resolution_of_the_screen() -> None:
    few, many = (json.loads(each.proto.config) for each in AppTest.from_function(two_maps).run().get("plotly_chart"))
    assert "plotGlPixelRatio" not in few and many["plotGlPixelRatio"] == 1
