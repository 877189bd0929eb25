"""Records and arrays to plotly figures: pure, without torch or Streamlit.

Show them with ``st.plotly_chart(figure, theme=None, alt=figure.layout.meta["alt"])``: the template
carries the theme, and every figure carries its alternative text. Emotions stand in wheel order in
every figure and table; ``customdata`` always speaks in indices of ``space.labels`` or in image ids.
``fisa.figures.paper`` draws their twins for print.
"""

from fisa.figures.boxes import boxable_picture
from fisa.figures.checks import FigureError
from fisa.figures.contributions import contribution_bars
from fisa.figures.counts import entropy_histogram, label_totals, vote_histogram
from fisa.figures.courses import emotion_course
from fisa.figures.curves import history
from fisa.figures.deletion import deletion_curves
from fisa.figures.diagram import method_diagram
from fisa.figures.forest import forest
from fisa.figures.frames import distance_text, framed
from fisa.figures.grades import grade_curves, grade_dots
from fisa.figures.grams import gram
from fisa.figures.heads import head_similarity
from fisa.figures.matrices import Kind, matrix, matrix_grid
from fisa.figures.overlays import attention_overlay, regridded, signed_overlay
from fisa.figures.points import Drag, Scale, dots_of, embedding_map
from fisa.figures.scatter import Ranges, error_dots, error_scatter, rating_scatter
from fisa.figures.strip import distribution_strip
from fisa.figures.tables import distribution_table, matrix_table
from fisa.figures.theme import PALETTES, Palette, Theme, palette
from fisa.figures.wheel import distribution_bars, wheel, wheel_emblem

__all__ = [
    "PALETTES",
    "Drag",
    "FigureError",
    "Kind",
    "Palette",
    "Ranges",
    "Scale",
    "Theme",
    "attention_overlay",
    "boxable_picture",
    "contribution_bars",
    "deletion_curves",
    "distance_text",
    "distribution_bars",
    "distribution_strip",
    "distribution_table",
    "dots_of",
    "embedding_map",
    "emotion_course",
    "entropy_histogram",
    "error_dots",
    "error_scatter",
    "forest",
    "framed",
    "grade_curves",
    "grade_dots",
    "gram",
    "head_similarity",
    "history",
    "label_totals",
    "matrix",
    "matrix_grid",
    "matrix_table",
    "method_diagram",
    "palette",
    "rating_scatter",
    "regridded",
    "signed_overlay",
    "vote_histogram",
    "wheel",
    "wheel_emblem",
]
