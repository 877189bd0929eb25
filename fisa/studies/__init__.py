"""Comparison tables of runs, the same tables as text, and results that lie beside a run."""

from fisa.studies.columns import Column, columns_of
from fisa.studies.comparison import Result, StudyError, comparison_table, comparison_tables, result_of, table_of
from fisa.studies.evaluations import read_evaluation, save_evaluation
from fisa.studies.formats import (
    FORMATS,
    GAPS,
    Format,
    cell_texts,
    format_confusion,
    format_rows,
    format_table,
    read_csv,
    system_of,
)
from fisa.studies.notes import errors_in_words

__all__ = [
    "FORMATS",
    "GAPS",
    "Column",
    "Format",
    "Result",
    "StudyError",
    "cell_texts",
    "columns_of",
    "comparison_table",
    "comparison_tables",
    "errors_in_words",
    "format_confusion",
    "format_rows",
    "format_table",
    "read_csv",
    "read_evaluation",
    "result_of",
    "save_evaluation",
    "system_of",
    "table_of",
]
