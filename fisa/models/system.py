"""What every model is."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from fisa.models.backbones import Backbone
from fisa.models.output import ModelOutput


class System(nn.Module):
    """A model that maps normalised images [B, 3, S, S] to a :class:`ModelOutput`.

    Attributes:
        backbone: Images to feature maps; knows its receptive field.
    """

    backbone: Backbone

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Predict a batch.

        Args:
            images: [B, 3, S, S], normalised.
            explain: Also return the matrices between emotions; without, they are None and need not be computed.
        """
        raise NotImplementedError

    def add_ratings(self) -> None:
        """Grow a head for valence and arousal, once, before training and before weights are loaded.

        Only the systems in ``fisa.models.RATERS`` can.
        """
        raise NotImplementedError

    def fit_labels(self, target: np.ndarray) -> None:
        """Take what the system wants to know of the training targets [N, C] before training; by default nothing.

        What it takes is part of its state, so that a stored model has it without the data.
        """

    def remember(self, images: np.ndarray, target: np.ndarray) -> None:
        """Take what prediction needs of the training images, by default nothing.

        It is called once, with the final weights, and may leave the system in evaluation mode. What it takes is part
        of the state, too.

        Args:
            images: uint8 [N, S, S, 3], or vectors float32 [N, D].
            target: [N, C].
        """
