"""The section ``objective``: weights of the loss terms, and their options."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, model_validator

from fisa.config.base import Section
from fisa.language import mark

LARGEST_MARGINS = 0.4
"""What both margins together must stay below: see :meth:`ObjectiveConfig._margins_can_be_kept`."""

EMOTION_TERMS = (
    "kl",
    "ce",
    "emd",
    "density",
    "evidence",
    "metric",
    "polarity_emd",
    "sparsity",
    "code_similarity",
    "code_quantisation",
    "progressive",
    "vector",
    "fine",
    "closeness",
)
"""The terms that compare with a distribution over emotions: all but ``ratings``."""


class ObjectiveConfig(Section):
    """Weights of the loss terms; the draft's a is ``emd: a`` with ``density: 1 - a`` and ``kl: 0``."""

    kl: float = Field(default=1.0, ge=0)
    ce: float = Field(default=0.0, ge=0, description=mark("cross-entropy with the dominant emotion"))
    emd: float = Field(default=0.0, ge=0)
    density: float = Field(default=0.0, ge=0)
    evidence: float = Field(default=0.0, ge=0)
    metric: float = Field(default=0.0, ge=0, description=mark("distances between embeddings, by emotion and polarity"))
    polarity_emd: float = Field(default=0.0, ge=0, description=mark("EMD between the sums over each polarity"))
    sparsity: float = Field(default=0.0, ge=0, description=mark("keeps mass from emotions that nobody named"))
    code_similarity: float = Field(default=0.0, ge=0, description=mark("agreement of codes as targets are alike"))
    code_quantisation: float = Field(default=0.0, ge=0, description=mark("keeps codes near -1 and 1"))
    progressive: float = Field(default=0.0, ge=0, description=mark("polarity and angle on the emotion circle"))
    vector: float = Field(
        default=0.0, ge=0, description=mark("squared distance of emotion vectors of steps to targets")
    )
    fine: float = Field(default=0.0, ge=0, description=mark("cross-entropy of how the emotion of a step came about"))
    closeness: float = Field(default=0.0, ge=0, description=mark("distances between the mean vectors of emotions"))
    ratings: float = Field(
        default=0.0, ge=0, description=mark("error of valence and arousal, beside emotions or alone")
    )
    pointing: float = Field(
        default=0.0, ge=0, description=mark("order of a map's places by what covering them takes away")
    )
    emd_on: Literal["raw", "normalised"] = "normalised"
    emd_order: Literal["votes", "wheel", "polarity"] = "votes"
    emd_r: Literal[1, 2] = 2
    circular: bool = False
    metric_constraints: Literal["sentiment", "triplet"] = "sentiment"
    metric_sampling: Literal["semi_hard", "random", "hard", "facenet"] = "semi_hard"
    metric_by_wheel: bool = Field(default=True, description=mark("divide distances by 1 + steps on the wheel"))
    metric_alpha1: PositiveFloat = Field(default=0.1, description=mark("margin from same to other emotion"))
    metric_alpha2: PositiveFloat = Field(default=0.1, description=mark("margin from same to opposite polarity"))
    sparsity_form: Literal["support", "intensity"] = "support"
    progressive_polarity: Literal["soft", "hard"] = "soft"
    progressive_angle: Literal["wrapped", "raw"] = "wrapped"
    pointing_share: float = Field(default=0.25, gt=0, le=1, description=mark("of a batch's images that are covered"))
    pointing_places: int = Field(
        default=6, ge=2, le=64, description=mark("places of an image, the map's peak and others")
    )
    pointing_reach: float = Field(
        default=0.08, gt=0, le=1, description=mark("how far from the peak, of the image's side")
    )
    pointing_patch: float = Field(default=0.0625, gt=0, le=1, description=mark("side of what is covered, likewise"))
    pointing_temperature: PositiveFloat = Field(
        default=0.08, description=mark("of the softmax over what that takes away")
    )
    ratings_loss: Literal["mse", "ccc"] = "mse"
    ratings_valence: float = Field(default=0.5, ge=0, le=1, description=mark("share of valence; the rest is arousal's"))

    @property
    def learns_emotions(self) -> bool:
        """Whether a term needs emotions to learn."""
        return any(getattr(self, name) for name in EMOTION_TERMS)

    @property
    def compares_images(self) -> bool:
        """Whether a term takes the images of a batch together, so that a batch cannot be shared out."""
        batchwise = self.metric > 0 or self.code_similarity > 0 or self.closeness > 0 or self.pointing > 0
        return batchwise or (self.ratings > 0 and self.ratings_loss == "ccc")

    @property
    def needs_steps(self) -> bool:
        """Whether a term is one of sequences alone."""
        return self.vector > 0 or self.fine > 0 or self.closeness > 0

    @model_validator(mode="after")
    def _something_to_minimise(self) -> ObjectiveConfig:
        names = ("kl", "ce", "emd", "density", "metric", "polarity_emd", "progressive", "vector", "ratings")
        if not any(getattr(self, name) for name in names):
            raise ValueError(f"at least one of {', '.join(names[:-1])} and {names[-1]} must be positive")
        return self

    @model_validator(mode="after")
    def _margins_can_be_kept(self) -> ObjectiveConfig:
        # Unit vectors without negative entries are at most 2 apart, squared; four steps divide that by 5.
        margins = self.metric_alpha1 + self.metric_alpha2
        weighted = self.metric_constraints == "sentiment" and self.metric_by_wheel
        if self.metric and weighted and margins >= LARGEST_MARGINS:
            raise ValueError(
                f"metric_alpha1 + metric_alpha2 is {margins:g} and must be below {LARGEST_MARGINS}, the largest "
                "distance that emotions opposite on the wheel can have"
            )
        return self
