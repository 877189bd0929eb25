"""Figures for print: matplotlib twins of what the studio shows, as SVG, PNG and PDF.

Every function returns a ``matplotlib.figure.Figure`` of exactly one or two columns' width, whose label is its
alternative text; :func:`to_bytes` writes it. Nothing here touches pyplot, and any thread may draw. Emotions have the
colours and marker shapes of the plotly figures; what colour says, a shape, a hatch, a dash or a number says too, so
that a figure survives a black and white print.
"""

from fisa.figures.paper.counts import entropy_histogram, label_totals, vote_histogram
from fisa.figures.paper.courses import course
from fisa.figures.paper.distributions import bars, wheel
from fisa.figures.paper.embedding import embedding_maps, rating_scatter
from fisa.figures.paper.grades import deletion_curves, grade_curves, grade_dots
from fisa.figures.paper.heads import head_similarity
from fisa.figures.paper.matrices import contributions, grid, matrices, matrix
from fisa.figures.paper.measures import forest, history, scatter, table
from fisa.figures.paper.places import attention, attribution, maps
from fisa.figures.paper.retrieved import retrieved
from fisa.figures.paper.sheet import FORMS, WIDTHS, Form, Width, to_bytes

__all__ = [
    "FORMS",
    "WIDTHS",
    "Form",
    "Width",
    "attention",
    "attribution",
    "bars",
    "contributions",
    "course",
    "deletion_curves",
    "embedding_maps",
    "entropy_histogram",
    "forest",
    "grade_curves",
    "grade_dots",
    "grid",
    "head_similarity",
    "history",
    "label_totals",
    "maps",
    "matrices",
    "matrix",
    "rating_scatter",
    "retrieved",
    "scatter",
    "table",
    "to_bytes",
    "vote_histogram",
    "wheel",
]
