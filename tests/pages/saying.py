"""What a page says, in plain letters."""

import re

from streamlit.testing.v1 import AppTest


def unescaped(text: str) -> str:
    return re.sub(r"\\(?=[\W_])", "", text)


def words(app: AppTest) -> str:
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error)
    return unescaped("\n".join(str(element.value) for kind in kinds for element in kind))


def well(app: AppTest) -> AppTest:
    assert not app.exception and not app.error, words(app)
    return app
