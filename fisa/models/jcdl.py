"""JCDL: joint classification and distribution learning (JIEC in the draft of FISA).

Source: Yang, She, Sun (2017), "Joint Image Emotion Classification and Distribution Learning via Deep
Convolutional Neural Network", IJCAI, and the Caffe files that its authors published: VGG16 with its two hidden
layers of 4096 and dropout .5, whose C outputs feed both losses,

    L = (1 - lambda) CE(dominant emotion, q) + lambda KL(t || q).

The system is the network; the loss is ``objective: {ce: 1 - lambda, kl: lambda}``. Lambda is .7 in the work that
builds on it (EW-MTCNN); the published files weigh two losses .8 and .2, and do not say which is which.

Deviations: any backbone in place of VGG16, pooled; hidden layers as wide as configured; one learning rate, where the
published files give the last layer ten times that of the others. What the paper does for pictures with a single label,
a distribution spread from it over the wheel, is not needed for data with votes and is not here.
"""

from __future__ import annotations

from fisa.config import JcdlConfig
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.pooled import PooledClassifier


def build_jcdl(config: JcdlConfig, space: EmotionSpace, backbone: Backbone) -> PooledClassifier:
    """Build the network from its configuration."""
    return PooledClassifier(backbone, len(space), config.hidden, config.hidden_layers, config.dropout)
