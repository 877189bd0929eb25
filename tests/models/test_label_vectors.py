"""Label embeddings from word vectors: the file, by hand; what is wrong in one; the model that they are part of."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import zscore
from tiny import memorised, overfit

from fisa.config import ConfigError, FisaConfig, PlainBackboneConfig
from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8, POLARITY3, RATINGS, EmotionSpace
from fisa.models import Fisa, build_model
from fisa.models.label_vectors import SHIPPED, LabelVectors, read_label_vectors

IMAGES = torch.randn(2, 3, 16, 16, generator=torch.manual_seed(1))
SMALL = PlainBackboneConfig(width=8)
MEND = "name a file that has them all in model.label_vectors_file, with model.label_embedding file"
CHANNEL = {"semantic_attention": "channel", "evidence": False, "null_position": False}


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Five numbers for each label of Mikels' wheel, and a word more."""
    rows = np.random.default_rng(0).normal(size=(9, 5))
    words = ["the", *MIKELS8.labels]
    return written(
        tmp_path / "vectors.txt",
        "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, rows, strict=True)),
    )


def config(file: Path, **options: Any) -> FisaConfig:
    given = {"label_embedding": "file", "label_vectors_file": file, "label_dimensions": 5}
    return FisaConfig.model_validate({"backbone": SMALL, "dim": 8, "heads": 2, **given, **options})


def build(file: Path, space: EmotionSpace = MIKELS8, **options: Any) -> Fisa:
    torch.manual_seed(0)
    model = build_model(config(file, **options), space)
    assert isinstance(model, Fisa)
    return model.eval()


class TestFile:
    def test_by_hand(self, tmp_path: Path) -> None:
        # Of "Shock_and awe" the mean of three words; the second joy does not count, nor does what follows the last.
        text = "2000 2\njoy 1 2\nand 3 0\njoy 9 9\n. . . 5 5\nawe 0 -6\nshock 3e0 .6\nragged"
        vectors = read_label_vectors(written(tmp_path / "v.txt", text), ("Joy", "Shock_and awe"), 2)
        np.testing.assert_allclose(vectors, [[1, 2], [2, -1.8]])

    def test_no_more_is_read_than_is_needed(self, tmp_path: Path) -> None:
        file = tmp_path / "v.txt"
        with file.open("wb") as stream:
            stream.write(b"joy 1 2\n")
            stream.truncate(2**40)  # sparse: a terabyte of zeros
        assert read_label_vectors(file, ("joy",), 2).tolist() == [[1, 2]]
        with pytest.raises(ConfigError, match=r"v\.txt: line 2 has 0 numbers, expected 2; name a file of word vectors"):
            read_label_vectors(file, ("joy", "fear"), 2)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("joy 1 2\n", "has no vector of fear; " + MEND),
            (
                "joy 1 2\nfear 1\n",
                "line 2 has 1 numbers, expected 2; set model.label_dimensions to 1, or mend the line",
            ),
            ("fear 1 2 3\n", "line 1 has 3 numbers, expected 2; set model.label_dimensions to 3, or mend the line"),
            ("the 1\n", "line 1 has 1 numbers, expected 2; set model.label_dimensions to 1, or mend the line"),
            ("joy 1 2\n\nfear 1 2\n", "line 2 has 0 numbers, expected 2; name a file of word vectors"),
            ("joy 1 nan\n", "line 1 (joy): holds what is no finite number; mend the line"),
            ("joy 1 two\n", "line 1 (joy): holds what is no finite number; mend the line"),
            ("", "has no vector of fear, joy; " + MEND),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, sentence: str) -> None:
        file = written(tmp_path / "v.txt", text)
        with pytest.raises(ConfigError) as caught:
            read_label_vectors(file, ("joy", "fear"), 2)
        assert str(caught.value) == f"{file}: {sentence}"

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(
            ConfigError, match=r"gone\.txt: cannot be read \(No such file or directory\); check model\."
        ):
            read_label_vectors(tmp_path / "gone.txt", ("joy",), 2)


class TestTablesThatShip:
    SPACES = (MIKELS8, EKMAN6, EKMAN7, AFFECTNET8, POLARITY3)

    @pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
    @pytest.mark.parametrize("table", SHIPPED)
    def test_a_model_takes_the_labels_of_every_space_from_them(self, table: str, space: EmotionSpace) -> None:
        options = FisaConfig(backbone=SMALL, dim=8, heads=2, label_embedding=table)
        model = build_model(options, space)
        model.fit_labels(np.eye(len(space)))
        expected = zscore(read_label_vectors(SHIPPED[table][0], space.labels, SHIPPED[table][1]), axis=0)
        np.testing.assert_allclose(model.state_dict()["semantic.scorer.labels.vectors"], expected, atol=1e-4)

    @pytest.mark.parametrize("table", SHIPPED)
    def test_they_hold_what_the_methods_say(self, table: str) -> None:
        labels = sorted({label for space in self.SPACES for label in space.labels})
        assert len(labels) == 16
        vectors = read_label_vectors(SHIPPED[table][0], labels, SHIPPED[table][1])
        likeness = 1 - squareform(pdist(vectors, "cosine")) - 2 * np.eye(16)
        nearest = {label: labels[place] for label, place in zip(labels, likeness.argmax(1), strict=True)}
        assert nearest["positive"] == "negative"
        if table == "sentences":  # the encoder's vectors have length 1
            assert nearest["sadness"] == "happiness" and nearest["joy"] == "happiness"
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)

    def test_a_name_of_ones_own_is_refused(self) -> None:
        with pytest.raises(
            ConfigError, match=r"label_words\.txt: has no vector of zeal; name a file that has them all"
        ):
            read_label_vectors(SHIPPED["words"][0], ("joy", "zeal"), 100)


class TestModel:
    def test_the_embedding_is_the_map_of_the_standardised_vectors(self, file: Path) -> None:
        model = build(file)
        model.fit_labels(np.eye(8))
        part = model.semantic.scorer.labels
        assert isinstance(part, LabelVectors)
        expected = zscore(read_label_vectors(file, MIKELS8.labels, 5), axis=0) @ part.project.weight.double().T.numpy(
            force=True
        )
        np.testing.assert_allclose(part().numpy(force=True), expected, atol=1e-5)
        # Entries start with about unit variance: the sum of five products of unit variance with weights of 1 / 5.
        assert 0.5 < part().std().item() < 1.5

    # Of eight numbers 0.7 the mean is not 0.7 in floating point.
    @pytest.mark.parametrize("number", ["7", "0.7"])
    def test_a_number_that_all_labels_share_tells_nothing(self, tmp_path: Path, number: str) -> None:
        text = "".join(f"{label} {number} {place}\n" for place, label in enumerate(MIKELS8.labels))
        model = build(written(tmp_path / "v.txt", text), label_dimensions=2)
        model.fit_labels(np.eye(8))
        assert (model.state_dict()["semantic.scorer.labels.vectors"][:, 0] == 0).all()

    @pytest.mark.parametrize("trained", [False, True])
    @pytest.mark.parametrize("options", [{}, {"score": "dot"}, CHANNEL], ids=["hadamard", "dot", "channel"])
    def test_gradients_reach_the_map_always_and_the_vectors_where_they_are_trained(
        self, file: Path, trained: bool, options: dict[str, Any]
    ) -> None:
        model = build(file, label_vectors_trained=trained, **options).train()
        model.fit_labels(np.eye(8))
        model(IMAGES).logits.square().sum().backward()
        parameters = {name: each for name, each in model.named_parameters() if ".labels." in name}
        assert len(parameters) == 1 + trained
        assert all(each.grad is not None and each.grad.any() for each in parameters.values())

    def test_a_stored_model_needs_no_file(self, file: Path) -> None:
        model = build(file)
        model.fit_labels(np.eye(8))
        file.unlink()
        again = build(file)
        again.load_state_dict(model.state_dict())
        torch.testing.assert_close(again(IMAGES).distribution, model(IMAGES).distribution)
        with pytest.raises(ConfigError, match="cannot be read"):
            again.fit_labels(np.eye(8))

    def test_it_overfits_eight_images(self, file: Path) -> None:
        options = config(file).model_dump(mode="json")
        assert memorised(overfit(options, 150, objective={"kl": 1.0})) < 0.05

    def test_words_that_are_not_there(self, file: Path) -> None:
        with pytest.raises(ConfigError, match="has no vector of joy, surprise; name a file"):
            build(file, EKMAN6).fit_labels(np.eye(6))

    def test_ratings_without_emotions_have_no_labels(self, file: Path) -> None:
        with pytest.raises(ConfigError, match="data without emotions have no labels to look up"):
            build_model(config(file), RATINGS)

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"label_embedding": "file"}, "needs label_vectors_file and label_dimensions; name both"),
            ({"label_vectors_file": "v.txt"}, "need label_embedding 'file'; set it"),
            ({"label_embedding": "words", "label_dimensions": 5}, "need label_embedding 'file'; set it"),
            ({"label_vectors_trained": True}, "needs label_embedding 'file', 'words' or 'sentences'; set one"),
            (
                {
                    "label_embedding": "sentences",
                    "semantic_attention": "none",
                    "evidence": False,
                    "null_position": False,
                },
                "semantic_attention 'none' has no label embedding",
            ),
            (
                {
                    "label_embedding": "file",
                    "label_vectors_file": "v.txt",
                    "label_dimensions": 2,
                    "semantic_attention": "class_maps",
                },
                "semantic_attention 'class_maps' has no label embedding",
            ),
        ],
    )
    def test_options_that_do_not_fit(self, options: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            FisaConfig.model_validate(options)
