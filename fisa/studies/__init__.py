"""Comparison tables of runs, and the same tables as text."""

from fisa.studies.comparison import (
    Column,
    Result,
    StudyError,
    columns_of,
    comparison_table,
    comparison_tables,
    result_of,
    table_of,
)
from fisa.studies.formats import FORMATS, GAPS, Format, format_table

__all__ = [
    "FORMATS",
    "GAPS",
    "Column",
    "Format",
    "Result",
    "StudyError",
    "columns_of",
    "comparison_table",
    "comparison_tables",
    "format_table",
    "result_of",
    "table_of",
]
