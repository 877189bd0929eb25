"""Sequences: steps that are labelled one by one, with frames, text, speech and external series beside them."""

from fisa.datasets.sequences.base import Events, Frames, SequenceSet, StepVectors
from fisa.datasets.sequences.inputs import Masked, SequenceInputs, inputs_of, sequence_inputs

__all__ = ["Events", "Frames", "Masked", "SequenceInputs", "SequenceSet", "StepVectors", "inputs_of", "sequence_inputs"]
