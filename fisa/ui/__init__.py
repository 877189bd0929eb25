"""The browser side: session and URL state, caches, widgets and the panels that pages share.

Only this package, ``app.py`` and ``pages/`` import Streamlit.
"""
