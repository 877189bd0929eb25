"""Configurations side by side."""

from __future__ import annotations

from collections.abc import Sequence

from fisa.config import RunConfig, flat

LACKING = "–"
"""What is said of a key that a configuration does not have."""


def differences(configs: Sequence[RunConfig]) -> dict[str, list[str]]:
    """Return the keys whose values are not the same in all, dotted, each with its values as texts.

    What a configuration does not have is ``LACKING``. Names are left out.
    """
    found = [flat(config.model_dump(mode="json")) for config in configs]
    keys = dict.fromkeys(key for rows in found for key in rows if key != "name")
    texts = {key: [str(rows[key]) if key in rows else LACKING for rows in found] for key in keys}
    return {key: row for key, row in texts.items() if len(set(row)) > 1}
