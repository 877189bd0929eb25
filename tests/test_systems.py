"""Every shipped configuration, made tiny, trains in the one loop, and its run gives back what was stored."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trees

from fisa.config import RunConfig, load_config
from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.models import MODELS, build_model
from fisa.models.inputs import as_tensor
from fisa.runs import load_run
from fisa.training import train

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
DISTRIBUTIONS = [path for path in CONFIGS if load_config(path).task == "distribution"]
RATINGS = [path for path in CONFIGS if load_config(path).task == "valence_arousal"]
TINY = (
    "data={name: planted-tiny, image_size: 32}",
    "model.backbone={name: plain, width: 8}",
    "training.epochs=1",
    "training.batch_size=32",
)


def test_every_system_has_a_configuration() -> None:
    assert {load_config(path).model.name for path in CONFIGS} == set(MODELS)


@pytest.mark.parametrize("path", RATINGS, ids=lambda path: path.stem)
def test_a_configuration_of_ratings_trains_on_their_layout(path: Path, tmp_path: Path) -> None:
    trees.oasis(tmp_path / "data", [f"Theme{chr(65 + number)}" for number in range(10)])
    data = f"data={{name: oasis, root: {tmp_path / 'data'}, image_size: 32}}"
    run = train(load_config(path, (data, *TINY[1:])), tmp_path / "run")
    assert run.metrics["measures"]["rmse_mean"] > 0


@pytest.mark.parametrize("path", DISTRIBUTIONS, ids=lambda path: path.stem)
def test_a_configuration_trains_and_its_run_predicts_what_it_stored(path: Path, tmp_path: Path) -> None:
    balanced = ("training.per_emotion=2",) if load_config(path).training.per_emotion else ()
    trained = train(load_config(path, (*TINY, *balanced)), tmp_path / "run")
    run = load_run(trained.path)
    data = open_dataset("planted-tiny", split="test", image_size=32)
    output = run.output([data[index].image for index in range(4)])
    stored = run.predictions[list(run.space.labels)].to_numpy()[:4]
    np.testing.assert_allclose(output.distribution.numpy(), stored, atol=1e-5)
    assert all(len(value) == 4 and value.isfinite().all() for value in output.extras.values())


@pytest.mark.parametrize("name", [name for name in MODELS if name != "multimodal_sequence"])
def test_a_distribution_is_one_also_under_mixed_precision(name: str) -> None:
    torch.manual_seed(0)
    own = {"output": "sigmoid", "readout": "joint"} if name == "fisa" else {}
    model = {"name": name, "backbone": {"name": "plain", "width": 8}, **own}
    system = build_model(RunConfig.model_validate({"name": name, "model": model}).model, MIKELS8).eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = system(torch.randn(16, 3, 24, 24), explain=False)
    assert output.distribution.dtype == output.raw.dtype == torch.float32
    torch.testing.assert_close(output.distribution.sum(1), torch.ones(16), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "multimodal_sequence"])
def test_a_system_takes_feature_vectors(name: str) -> None:
    torch.manual_seed(0)
    model = {"name": name, "backbone": {"name": "features", "dimensions": 5}}
    system = build_model(RunConfig.model_validate({"name": name, "model": model}).model, MIKELS8)
    vectors, target = np.random.default_rng(0).random((12, 5), dtype=np.float32), np.eye(8)[np.arange(12) % 8]
    system.fit_labels(target)
    system.remember(vectors, target)
    distribution = system.eval()(as_tensor(vectors)).distribution
    torch.testing.assert_close(distribution.sum(1), torch.ones(12))


def test_what_a_system_took_from_the_training_labels_is_stored_with_it(tmp_path: Path) -> None:
    overrides = (*TINY, "model.prior=corr")
    run = train(load_config(CONFIGS[0].with_name("ew-mtcnn.yaml"), overrides), tmp_path / "run")
    train_split = open_dataset("planted-tiny", split="train", image_size=32)
    target = train_split.manifest[list(run.space.labels)].to_numpy(float)
    prior = load_run(run.path).output([train_split[0].image]).extras["prior"][0].numpy()
    np.testing.assert_allclose(prior, np.corrcoef(target.T), atol=1e-5)
