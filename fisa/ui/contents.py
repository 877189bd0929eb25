"""The pages of the studio: the table that the list of pages, the help and the bench are made from."""

from __future__ import annotations

from fisa.language import mark

TITLES = {
    "home": mark("Home"),
    "gallery": mark("Gallery"),
    "explain": mark("Explain"),
    "compare": mark("Compare"),
    "interactions": mark("Interactions"),
    "map": mark("Map"),
    "retrieval": mark("Retrieval"),
    "grades": mark("Grades"),
    "metrics": mark("Metrics"),
    "studies": mark("Studies"),
    "data": mark("Data"),
    "train": mark("Train"),
    "images": mark("Your images"),
    "methods": mark("Methods"),
}
"""What each page is called, by the name of its file and in its address."""

ICONS = {
    "home": ":material/home:",
    "gallery": ":material/grid_view:",
    "explain": ":material/search_insights:",
    "compare": ":material/compare:",
    "interactions": ":material/hub:",
    "map": ":material/scatter_plot:",
    "retrieval": ":material/image_search:",
    "grades": ":material/grading:",
    "metrics": ":material/leaderboard:",
    "studies": ":material/experiment:",
    "data": ":material/photo_library:",
    "train": ":material/model_training:",
    "images": ":material/add_photo_alternate:",
    "methods": ":material/menu_book:",
}

HIDDEN = ("methods",)
"""Pages that are reached by links only."""
