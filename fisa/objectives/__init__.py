"""Training losses over label distributions: weighted sums of the terms that this package's modules define."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fisa.config import ConfigError, ObjectiveConfig
from fisa.emotions import EmotionSpace
from fisa.models.output import ModelOutput
from fisa.objectives.circular import progressive_circular
from fisa.objectives.coding import code_quantisation, code_similarity
from fisa.objectives.dimensional import concordance_error, squared_error
from fisa.objectives.metric import sentiment_constraints, squared_distances, triplet_constraint
from fisa.objectives.sequence import Closeness, Fine, Vector, labelled_steps, mean_of_sequences
from fisa.objectives.structured import polarity_groups, polarity_order, sparsity
from fisa.objectives.terms import (
    LOG_EPS,
    ROOT_EPS,
    Term,
    cross_entropy,
    density,
    dominant,
    emd,
    evidence_bce,
    kl,
)

__all__ = [
    "LOG_EPS",
    "ROOT_EPS",
    "Objective",
    "build_objective",
    "cross_entropy",
    "density",
    "dominant",
    "emd",
    "evidence_bce",
    "kl",
]


class Kl(Term):
    """KL(target || distribution)."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        return kl(target, output.distribution)


class CrossEntropy(Term):
    """Cross-entropy with the dominant emotion."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        return cross_entropy(target, output.distribution)


class Density(Term):
    """|Dens(target) - Dens(distribution)|."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        return (density(target) - density(output.distribution)).abs()


class Evidence(Term):
    """Binary cross-entropy of pooled evidence."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]; raise ValueError where the model has no evidence."""
        if output.evidence is None:
            raise ValueError("objective.evidence is positive but the model returns no evidence; set it to 0")
        return evidence_bce(target, output.evidence)


class Emd(Term):
    """Earth mover's distance over the columns in ``order``; exact in evaluation mode."""

    order: Tensor

    def __init__(self, order: Tensor, on_raw: bool, r: int, circular: bool) -> None:
        super().__init__()
        self.register_buffer("order", order)
        self.on_raw, self.r, self.circular = on_raw, r, circular

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        predicted = output.raw if self.on_raw else output.distribution
        eps = ROOT_EPS if self.training else 0.0
        return emd(target[:, self.order], predicted[:, self.order], self.r, eps, self.circular)


class PolarityEmd(Term):
    """Earth mover's distance between the sums over each polarity, from negative to positive."""

    groups: Tensor

    def __init__(self, space: EmotionSpace, r: int) -> None:
        super().__init__()
        self.register_buffer("groups", polarity_groups(space))
        self.r = r

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        groups = self.groups.to(target.dtype)
        return emd(target @ groups, output.distribution @ groups, self.r, ROOT_EPS if self.training else 0.0)


class Sparsity(Term):
    """How much the distribution spreads beyond a sparse annotation."""

    def __init__(self, form: Literal["support", "intensity"]) -> None:
        super().__init__()
        self.form = form

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        return sparsity(target, output.distribution, self.form)


class Progressive(Term):
    """Polarity and angle on the emotion circle."""

    circle: Tensor

    def __init__(self, space: EmotionSpace, soft: bool, wrapped: bool) -> None:
        super().__init__()
        self.register_buffer("circle", torch.as_tensor(space.circle()))
        self.soft, self.wrapped = soft, wrapped

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        circle = self.circle.to(target.dtype)
        return progressive_circular(target @ circle, output.distribution @ circle, self.soft, self.wrapped)


class CodeSimilarity(Term):
    """Agreement of the features, taken as codes, against the similarity of the targets."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return the mean of the batch."""
        return code_similarity(target, output.features.flatten(1))


class CodeQuantisation(Term):
    """Distance of the features, taken as codes, from -1 and 1."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [B]."""
        return code_quantisation(output.features.flatten(1))


class Metric(Term):
    """Constraints on the distances between the features of a batch, whose emotion is the dominant one.

    Args:
        config: Constraints, sampling and margins.
        space: Gives polarity and, for ``metric_by_wheel``, steps.
    """

    polarity: Tensor
    divisor: Tensor

    def __init__(self, config: ObjectiveConfig, space: EmotionSpace) -> None:
        super().__init__()
        self.config = config
        weighted = config.metric_constraints == "sentiment" and config.metric_by_wheel
        steps = space.wheel_steps() if weighted else np.zeros((len(space), len(space)))
        self.register_buffer("divisor", torch.as_tensor(1 + steps, dtype=torch.float32))
        self.register_buffer("polarity", torch.tensor(space.polarity))

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return the mean of the batch; 0 where it holds no pairs to compare."""
        config, emotion = self.config, dominant(target)
        distance = squared_distances(output.features.flatten(1)) / self.divisor[emotion][:, emotion]
        if config.metric_constraints == "triplet":
            return triplet_constraint(distance, emotion, config.metric_alpha1, config.metric_sampling)
        return sentiment_constraints(
            distance,
            emotion,
            self.polarity[emotion],
            config.metric_alpha1,
            config.metric_alpha2,
            config.metric_sampling,
        )


class Ratings(nn.Module):
    """Error of valence and arousal.

    Args:
        kind: ``mse``, a mean over the images, or ``ccc``, of the batch as a whole.
        valence: Share of valence.
    """

    shares: Tensor

    def __init__(self, kind: Literal["mse", "ccc"], valence: float) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("shares", torch.tensor([valence, 1 - valence]))

    def forward(self, output: ModelOutput, ratings: Tensor) -> Tensor:
        """Return the mean of the batch; raise ValueError where the model predicts no ratings."""
        if output.ratings is None:
            raise ValueError("objective.ratings is positive but the model predicts no ratings; set it to 0")
        error = squared_error if self.kind == "mse" else concordance_error
        return (error(ratings, output.ratings) * self.shares.to(ratings.dtype)).sum()


class Objective(nn.Module):
    """The weighted sum of the active terms; built by :func:`build_objective`.

    Attributes:
        weights: Weight of each active term, by the names of :class:`fisa.config.ObjectiveConfig`.
        ratings: The term of valence and arousal, or None.
        order: Columns in the order of the EMD, long [C]; a buffer, so that it moves and is stored.
        polarity: Of each label; tells how the emotions of a sequence came about.
    """

    order: Tensor

    def __init__(
        self,
        terms: Mapping[str, Term],
        weights: Mapping[str, float],
        order: Tensor,
        ratings: Ratings | None = None,
        polarity: Sequence[int] = (),
    ) -> None:
        """Take the active terms with their weights, the EMD's column order, the ratings' term, and polarities."""
        super().__init__()
        self.polarity = tuple(polarity)
        self.terms = nn.ModuleDict(terms)
        self.ratings = ratings
        self.weights = {name: weights[name] for name in (*terms, *(["ratings"] if ratings is not None else []))}
        self.register_buffer("order", order)

    def forward(self, output: ModelOutput, target: Tensor, ratings: Tensor | None = None) -> dict[str, Tensor]:
        """Return the batch means of the active terms, unweighted, and their weighted sum "total".

        KL and density take the normalised distribution; density is |Dens(target) - Dens(predicted)|.
        In evaluation mode the EMD is exact; ``ROOT_EPS`` is added in training mode only.

        Args:
            output: What the model returned for the batch; of a committee's members the terms are means.
            target: [B, C], rows sum to 1; or of sequences [B, T, C], rows of zeros beyond their ends. Of these a term
                is the mean over sequences of its mean over their steps.
            ratings: [B, 2], valence and arousal, where they are learned.

        Raises:
            ValueError: A term is active and the model does not predict what it compares, or its target is not given.
        """
        if output.members:
            own = [self(member, target, ratings) for member in output.members]
            return {name: torch.stack([terms[name] for terms in own]).mean(0) for name in own[0]}
        target = target.to(output.distribution.dtype)
        if target.ndim == 3:
            steps = labelled_steps(output, target, self.polarity)
            each = {name: term(steps.output, steps.target) for name, term in self.terms.items()}
            terms = {name: mean_of_sequences(values, steps.sequence, len(target)) for name, values in each.items()}
        else:
            terms = {name: term(output, target).mean() for name, term in self.terms.items()}
        if self.ratings is not None:
            if ratings is None:
                raise ValueError("objective.ratings is positive but no ratings are given")
            terms["ratings"] = self.ratings(output, ratings.to(output.distribution.dtype))
        total = torch.stack([weight * terms[name] for name, weight in self.weights.items()]).sum()
        return {"total": total, **terms}


def build_objective(config: ObjectiveConfig, vote_totals: ArrayLike, space: EmotionSpace) -> Objective:
    """Build the loss that a configuration names.

    Args:
        config: Weights and options; terms of weight 0 are not computed.
        vote_totals: Votes for each emotion over the *training* split, [C]. The EMD's classes stand in
            ascending order of them (the draft's order), ties in column order, unless ``emd_order``
            is ``wheel`` or ``polarity``.
        space: The labels; gives wheel and polarity. Without labels, valence and arousal are learned alone.

    Raises:
        ConfigError: A term that needs a wheel, or several polarities, where the labels have none; or ``circular``
            without a wheel order and a normalised prediction (a circle has no place for surplus mass).
        ValueError: ``vote_totals`` are not C non-negative numbers.
    """
    totals = np.asarray(vote_totals, dtype=np.float64)
    if totals.shape != (len(space),) or not (np.isfinite(totals).all() and (totals >= 0).all()):
        raise ValueError(f"vote totals must be {len(space)} non-negative numbers, one for each label of {space.name}")
    _check_space(config, space)
    orders = {"votes": np.argsort(totals, kind="stable"), "polarity": polarity_order(space)}
    if space.wheel:
        orders["wheel"] = np.asarray(space.wheel)
    order = torch.as_tensor(orders.get(config.emd_order, orders["votes"]))
    terms: dict[str, Term] = {}
    if config.kl:
        terms["kl"] = Kl()
    if config.ce:
        terms["ce"] = CrossEntropy()
    if config.emd:
        terms["emd"] = Emd(order, config.emd_on == "raw", config.emd_r, config.circular)
    if config.density:
        terms["density"] = Density()
    if config.evidence:
        terms["evidence"] = Evidence()
    if config.metric:
        terms["metric"] = Metric(config, space)
    if config.polarity_emd:
        terms["polarity_emd"] = PolarityEmd(space, config.emd_r)
    if config.sparsity:
        terms["sparsity"] = Sparsity(config.sparsity_form)
    if config.code_similarity:
        terms["code_similarity"] = CodeSimilarity()
    if config.code_quantisation:
        terms["code_quantisation"] = CodeQuantisation()
    if config.progressive:
        soft, wrapped = config.progressive_polarity == "soft", config.progressive_angle == "wrapped"
        terms["progressive"] = Progressive(space, soft, wrapped)
    if config.vector:
        terms["vector"] = Vector()
    if config.fine:
        terms["fine"] = Fine()
    if config.closeness:
        terms["closeness"] = Closeness()
    ratings = Ratings(config.ratings_loss, config.ratings_valence) if config.ratings else None
    return Objective(terms, config.model_dump(), order, ratings, space.polarity)


def _check_space(config: ObjectiveConfig, space: EmotionSpace) -> None:
    if config.emd and config.emd_order == "wheel" and not space.wheel:
        raise ConfigError(f"objective.emd_order is wheel, but the labels {space.name} have none; use votes")
    if config.emd and config.circular and (config.emd_order != "wheel" or config.emd_on != "normalised"):
        raise ConfigError("objective.circular needs emd_order: wheel and emd_on: normalised")
    if config.progressive and not space.wheel:
        raise ConfigError(f"objective.progressive needs a wheel, but the labels {space.name} have none; set it to 0")
    if config.polarity_emd and len(set(space.polarity)) < 2:
        raise ConfigError(
            f"objective.polarity_emd compares polarities, and all labels of {space.name} have one; set it to 0"
        )
    weighted = config.metric_constraints == "sentiment" and config.metric_by_wheel
    if config.metric and weighted and not space.wheel:
        raise ConfigError(
            f"objective.metric_by_wheel needs a wheel, but the labels {space.name} have none; set it to false"
        )
