"""How far work has come: counts and estimates, worked by hand."""

import pytest
from streamlit.testing.v1 import AppTest

from fisa.ui.meters import duration, how_far


def test_a_count_and_from_two_seconds_on_an_estimate() -> None:
    assert how_far("Looking …", 0, 2000, 9.0) == "Looking … 0 of 2,000"  # no pace is known yet
    assert how_far("Looking …", 500, 2000, 1.9) == "Looking … 500 of 2,000"
    assert how_far("Looking …", 500, 2000, 10.0) == "Looking … 500 of 2,000, about 30 s left"  # 1,500 at 50 a second
    assert how_far("Looking …", 1990, 2000, 100.0) == "Looking … 1,990 of 2,000"  # half a second is no news


@pytest.mark.parametrize(("seconds", "words"), [(47.6, "48 s"), (720, "12 min"), (5400, "1.5 h")])
def test_times_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_bar_goes_also_when_the_work_fails() -> None:
    def fails() -> None:
        from contextlib import suppress

        from fisa.ui.meters import meter

        with suppress(ValueError), meter("Working …") as progress:
            progress(1, 2)
            raise ValueError

    app = AppTest.from_function(fails).run()
    assert not app.exception and not app.get("progress")
