"""What every model is."""

from __future__ import annotations

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
