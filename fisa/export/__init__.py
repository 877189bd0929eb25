"""What leaves the studio: an explained image as a folder or a page, runs as a page; each with where it comes from."""

from fisa.export.explanation import Explained, document_of, figures_of, tables_of
from fisa.export.explanation_page import explanation_page
from fisa.export.folder import ExportError, as_json, new_file, new_folder, refuse_existing, write_explanation
from fisa.export.provenance import UNKNOWN, image_digest, program, provenance_of, words_of
from fisa.export.report import Chosen, report_page

__all__ = [
    "UNKNOWN",
    "Chosen",
    "Explained",
    "ExportError",
    "as_json",
    "document_of",
    "explanation_page",
    "figures_of",
    "image_digest",
    "new_file",
    "new_folder",
    "program",
    "provenance_of",
    "refuse_existing",
    "report_page",
    "tables_of",
    "words_of",
    "write_explanation",
]
