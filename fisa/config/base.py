"""What every section of a configuration is, and the one exception for all that is wrong with it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from fisa.exceptions import FisaError


class ConfigError(FisaError, ValueError):
    """A configuration that cannot be used; the message is one clear sentence."""


class Section(BaseModel):
    """A part of a configuration: immutable, its numbers finite, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
