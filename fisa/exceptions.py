"""The base of every named exception: what a person is told in one sentence, without a traceback."""

from __future__ import annotations


class FisaError(Exception):
    """Something was refused or failed for a reason that the message says in one clear sentence.

    Each module derives its own, also from the builtin exception that it is a kind of.
    """
