"""Configurations side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fisa.config import RunConfig

LACKING = "–"
"""What is said of a key that a configuration does not have."""


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dotted keys."""
    rows: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            rows.update(flat(value, f"{prefix}{key}."))
        else:
            rows[prefix + key] = value
    return rows


def differences(configs: Sequence[RunConfig]) -> dict[str, list[str]]:
    """Return the keys whose values are not the same in all, dotted, each with its values as texts.

    What a configuration does not have is ``LACKING``. Names are left out.
    """
    found = [flat(config.model_dump(mode="json")) for config in configs]
    keys = dict.fromkeys(key for rows in found for key in rows if key != "name")
    texts = {key: [str(rows[key]) if key in rows else LACKING for rows in found] for key in keys}
    return {key: row for key, row in texts.items() if len(set(row)) > 1}
