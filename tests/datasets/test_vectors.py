"""Feature vectors with distributions: files, what is wrong with them, and models that train on them."""

import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import torch
from torch import nn

from fisa.config import ConfigError, FeaturesBackboneConfig, RunConfig
from fisa.datasets import BadData, DataError, open_dataset, open_splits, reading
from fisa.datasets.vectors import FeatureSet
from fisa.emotions import EKMAN7, MIKELS8
from fisa.evaluation import EvaluationError, evaluate_run
from fisa.explain.grading import complete
from fisa.models.backbones import FeaturesBackbone
from fisa.runs import RunError, load_run
from fisa.training import prepare, train

REAL = Path(__file__).parents[3] / "shared" / "data" / "emotion6_features.mat"
COUNT, WIDTH = 61, 5


def arrays(classes: int = 7) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "features": draw.normal(size=(COUNT, WIDTH)),
        "labels": draw.dirichlet(np.ones(classes), COUNT),
    }


def opened(path: Path, split: str = "all") -> FeatureSet:
    data = open_dataset("features", path, split)
    assert isinstance(data, FeatureSet)
    return data


@pytest.fixture
def mat(tmp_path: Path) -> Path:
    scipy.io.savemat(tmp_path / "vectors.mat", arrays())
    return tmp_path / "vectors.mat"


def test_matlab(mat: Path) -> None:
    data = opened(mat)
    assert data.space == EKMAN7 and data.features.dtype == np.float32
    np.testing.assert_allclose(data.features, arrays()["features"], rtol=1e-6)
    np.testing.assert_allclose(data.manifest[list(EKMAN7.labels)], arrays()["labels"])
    assert data.manifest["path"].isna().all() and opened(mat.parent).version == data.version
    with pytest.raises(DataError, match="there is no image 0 to show"):
        data[0]


@pytest.mark.parametrize("lists", [True, False])
def test_parquet(tmp_path: Path, lists: bool) -> None:
    values = arrays(8)
    table = pd.DataFrame(values["labels"], columns=[label.title() for label in MIKELS8.labels])
    if lists:
        table["features"] = list(values["features"])
    else:
        for column in reversed(range(WIDTH)):  # the number counts, not the order
            table[f"feature_{column}"] = values["features"][:, column]
    table.to_parquet(tmp_path / "x.parquet")
    data = opened(tmp_path / "x.parquet")
    assert data.space == MIKELS8
    np.testing.assert_allclose(data.features, values["features"], rtol=1e-6)
    np.testing.assert_allclose(data.manifest[list(MIKELS8.labels)], values["labels"])


def test_numpy_with_votes_space_ids_and_splits(tmp_path: Path) -> None:
    votes = np.random.default_rng(1).multinomial(11, np.full(8, 1 / 8), COUNT)
    split = np.array(["train"] * 30 + ["val"] * 20 + ["test"] * 11)
    ids = np.array([f"v{number}" for number in range(COUNT)])
    file = tmp_path / "x.npz"
    np.savez(file, features=arrays()["features"], labels=votes, space="mikels8", split=split, id=ids)
    splits = open_splits("features", file)
    assert {name: len(data) for name, data in splits.items()} == {"train": 30, "validation": 20, "test": 11}
    assert list(splits["test"].manifest["id"]) == list(ids[50:]) and set(splits["test"].manifest["votes"]) == {11}
    np.testing.assert_allclose(splits["test"].manifest[list(MIKELS8.labels)], votes[50:] / 11)


def test_equal_vectors_stay_in_one_split(tmp_path: Path) -> None:
    values = arrays()
    doubled = {key: np.vstack([value, value]) for key, value in values.items()}
    np.savez(tmp_path / "x.npz", **doubled)
    seen = [{row.tobytes() for row in data.features} for data in open_splits("features", tmp_path).values()]  # type: ignore[attr-defined]
    assert sum(map(len, seen)) == COUNT == len(set.union(*seen))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"features": np.ones((3, 2))}, r"3 vectors and 61 rows of labels; both must be as many"),
        ({"labels": np.ones((COUNT, 8))}, r"8 labels of an unknown space; name theirs in a variable space: mikels8, "),
        ({"space": "mikels8"}, r"7 labels of mikels8; name theirs"),
        ({"features": np.ones(COUNT)}, r"features is float64 \[61\], expected numbers, a row a vector"),
        ({"id": np.array(["a"])}, r"id has 1 entries, expected 61"),
        ({"labels": np.array([{}] * COUNT)}, r"cannot be read as NumPy arrays .*; save plain arrays with np\.savez"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, change: dict[str, np.ndarray], sentence: str) -> None:
    np.savez(tmp_path / "x.npz", **{**arrays(), **change})
    with pytest.raises(DataError, match=rf"x\.npz: {sentence}"):
        open_dataset("features", tmp_path / "x.npz")


def test_rows_that_are_wrong(tmp_path: Path) -> None:
    values = arrays()
    values["features"][3, 1] = np.nan
    values["labels"][5] = 0
    np.savez(tmp_path / "x.npz", **values)
    with pytest.raises(BadData) as refused:
        open_dataset("features", tmp_path / "x.npz")
    assert refused.value.problems[["row", "problem"]].to_numpy().tolist() == [
        [4, "one of its features is no number"],
        [6, "its shares sum to zero"],
    ]
    assert len(open_dataset("features", tmp_path / "x.npz", "all", skip_bad=True)) == COUNT - 2


def test_paths(tmp_path: Path, mat: Path) -> None:
    (tmp_path / "x.csv").write_text("a")
    with pytest.raises(DataError, match=r"expected a file that ends in \.mat, \.npz, \.parquet"):
        open_dataset("features", tmp_path / "x.csv")
    with pytest.raises(DataError, match="no such file or folder"):
        open_dataset("features", tmp_path / "gone.mat")
    np.savez(tmp_path / "y.npz", **arrays())
    with pytest.raises(DataError, match="holds 2 files of vectors"):
        open_dataset("features", tmp_path)


def test_what_lies_beside_the_only_file_of_vectors_and_is_none(mat: Path) -> None:
    (mat.parent / "._vectors.mat").write_bytes(b"what macOS leaves on the disks of others")
    os.mkfifo(mat.parent / "pipe.npz")  # whoever opened it would wait for ever
    (mat.parent / "folder.npz").mkdir()
    assert len(opened(mat.parent)) == COUNT


def test_a_file_that_unpacks_to_far_more_is_refused_before_it_fills_the_memory(
    tmp_path: Path, mat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 61 vectors of 5 numbers and 7 shares, 8 bytes each, are 5,856 bytes.
    np.savez_compressed(tmp_path / "x.npz", **arrays())
    pd.DataFrame(arrays()["labels"]).rename(columns=str).to_parquet(tmp_path / "x.parquet")
    with h5py.File(tmp_path / "x.mat", "w") as file:
        for name, array in arrays().items():
            file.create_dataset(name, data=array.T, compression="gzip")
    monkeypatch.setattr(reading, "MAX_UNPACKED", 2000)
    for name in ("x.npz", "x.parquet", "x.mat", mat.name):
        with pytest.raises(DataError, match=rf"{name}: \d,\d+ bytes once it is unpacked, limit 2,000; split the list"):
            open_dataset("features", tmp_path / name)


def test_backbone_standardises_by_what_it_saw() -> None:
    torch.manual_seed(0)
    backbone = FeaturesBackbone(3)
    vectors = torch.randn(200, 3) * torch.tensor([1.0, 10.0, 0.1]) + 5
    for _ in range(100):
        out = backbone(vectors)
    assert out.shape == (200, 3, 1, 1)
    torch.testing.assert_close(out.mean(0).flatten(), torch.zeros(3), atol=1e-4, rtol=0)
    alone = backbone(vectors[:1])  # a batch of one, in training
    torch.testing.assert_close(alone, backbone.eval()(vectors[:1]))
    assert abs(backbone(vectors).std(0) - 1).max() < 0.01


def test_components_keep_their_spread_in_proportion() -> None:
    # Variances 9 and 1 of the components have the mean 5, so that 6, which is 2 spreads, becomes 2 x 3/sqrt(5) and
    # 2, also 2 spreads, 2 x 1/sqrt(5); the other dimension, with variance 4, is standardised: 4 becomes 2.
    backbone = FeaturesBackbone(3, components=2).eval()
    assert backbone.scale.running_var is not None
    backbone.scale.running_var.copy_(torch.tensor([4.0, 9.0, 1.0]))
    out = backbone(torch.tensor([[4.0, 6.0, 2.0]])).flatten()
    torch.testing.assert_close(out, torch.tensor([2.0, 6 / 5**0.5, 2 / 5**0.5]), atol=1e-4, rtol=0)


def test_components_are_dimensions() -> None:
    with pytest.raises(ValueError, match="components 4 are more than all 3 dimensions"):
        FeaturesBackboneConfig(name="features", dimensions=3, components=4)


def test_backbone_leaves_numbers_out_in_training_alone() -> None:
    torch.manual_seed(0)
    backbone = FeaturesBackbone(4, dropout=0.25)
    vectors = torch.randn(5000, 4)
    out = backbone(vectors)[:, :, 0, 0]
    gone = out == 0
    assert abs(gone.float().mean() - 0.25) < 0.02
    standard = nn.functional.batch_norm(vectors, None, None, training=True)
    torch.testing.assert_close(out[~gone], standard[~gone] / 0.75)  # so that the mean stays
    assert not (backbone.eval()(vectors) == 0).any()


def config(file: Path, model: str = "cnn", backbone: object = None) -> RunConfig:
    system = {"name": model, "backbone": backbone or {"name": "features", "dimensions": WIDTH}}
    return RunConfig.model_validate(
        {
            "name": "v",
            "data": {"name": "features", "root": str(file)},
            "model": system | ({"dim": 8, "heads": 2, "attention_width": 8} if model == "fisa" else {}),
            "training": {"epochs": 1, "batch_size": 14},  # 43 vectors: the last batch has one
        }
    )


@pytest.mark.parametrize("model", ["fisa", "cnn", "cnn_mlp"])
def test_models_train_on_vectors(mat: Path, tmp_path: Path, model: str) -> None:
    run = train(config(mat, model), tmp_path / "run")
    test = opened(mat, "test")
    assert run.metrics["n"] == len(test) == len(run.predictions)
    summary, predictions = evaluate_run(run, test)
    assert summary["measures"] == pytest.approx(run.metrics["measures"])
    pd.testing.assert_frame_equal(predictions, run.predictions)
    complete(run)
    assert run.map is not None and len(run.map) == len(test)
    with pytest.raises(RunError, match="predicts from feature vectors, not from images"):
        run.predict([np.zeros((8, 8, 3), dtype=np.uint8)])


def test_images_and_vectors_are_told_apart(mat: Path, tiny_runs: Path, tmp_path: Path) -> None:
    for wrong in ({"name": "plain"}, {"name": "features", "dimensions": 6}):
        with pytest.raises(
            ConfigError, match=r"vectors of 5 numbers; set model\.backbone to name: features, dimensions: 5"
        ):
            prepare(config(mat, backbone=wrong))
    pictures = config(mat).model_copy(
        update={"data": config(mat).data.model_copy(update={"name": "planted-tiny", "root": None})}
    )
    with pytest.raises(ConfigError, match="the backbone features takes vectors, and planted-tiny has images"):
        prepare(pictures)
    np.savez(tmp_path / "x.npz", **arrays(8), space="mikels8")
    with pytest.raises(EvaluationError, match="cnn predicts from images, but features holds vectors"):
        evaluate_run(load_run(tiny_runs / "cnn"), opened(tmp_path / "x.npz"))


@pytest.mark.skipif(not REAL.is_file(), reason="the real Emotion6 features are not beside this clone")
def test_the_real_ones() -> None:
    data = opened(REAL)
    assert data.features.shape == (1980, 168) and data.space == EKMAN7
    np.testing.assert_allclose(data.manifest[list(EKMAN7.labels)].sum(axis=1), 1)
    # The first row as the file has it.
    first = dict(zip(EKMAN7.labels, [0.133333, 0.7, 0, 0.0666667, 0.1, 0, 0], strict=True))
    assert data.manifest.loc[0, list(EKMAN7.labels)].to_dict() == pytest.approx(first, abs=1e-6)
