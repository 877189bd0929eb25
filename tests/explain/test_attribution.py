"""Methods of attribution against hand computations on linear systems, against axioms, and as guests of a model."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fisa.emotions import MIKELS8
from fisa.explain.asking import Settings
from fisa.explain.attribution import METHODS, AttributionError, applicable, attribute, attribute_batch
from fisa.explain.baselines import baseline_of
from fisa.explain.targets import Target
from fisa.models import ModelOutput, System
from fisa.models.backbones import Backbone
from fisa.models.inputs import as_tensor
from fisa.runs import Run, load_run

SIZE = 8
IMAGES = list(np.random.default_rng(3).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8))
PHOTO = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
AWE = Target("logit", MIKELS8.index("awe"))
GRADIENTS = ("integrated_gradients", "gradient_shap", "grad_cam")


class Identity(Backbone):
    channels, stage_channels, receptive_field = 3, (3,), 1

    def forward(self, images: Tensor) -> Tensor:
        return images.clone()


class Linear(System):
    """Logits that are a weighted sum of all pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Identity()
        self.weight = nn.Parameter(torch.randn(8, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)))

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        logits = torch.einsum("bcyx,kcyx->bk", self.backbone(images), self.weight)
        distribution = logits.softmax(-1)
        return ModelOutput(logits, distribution, distribution, logits)


class Pooled(Linear):
    """Logits that are a weighted sum of mean colours: what a CNN ends with."""

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        logits = self.backbone(images).mean((2, 3)) @ self.weight[:, :, 0, 0].T
        distribution = logits.softmax(-1)
        return ModelOutput(logits, distribution, distribution, logits)


class Square(Linear):
    """Logits that are a weighted sum of squared pixels."""

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        logits = torch.einsum("bcyx,kcyx->bk", self.backbone(images) ** 2, self.weight)
        distribution = logits.softmax(-1)
        return ModelOutput(logits, distribution, distribution, logits)


def guest(model: System) -> Any:
    config = SimpleNamespace(data=SimpleNamespace(image_size=SIZE), model=SimpleNamespace(), task="distribution")
    return SimpleNamespace(name="linear", takes_vectors=False, space=MIKELS8, config=config, model=model.eval())


def shares(model: Linear, baseline: Tensor) -> np.ndarray:
    """What each place adds to the logit of awe: sum over channels of w (x - baseline)."""
    with torch.no_grad():
        return ((as_tensor(np.stack(IMAGES)) - baseline) * model.weight[AWE.emotion]).sum(1).numpy()


@pytest.mark.parametrize("kind", ["blur", "mean", "black"])
def test_gradients_of_a_linear_model_are_its_weights(kind: Any) -> None:
    model = Linear()
    expected = shares(model, baseline_of(as_tensor(np.stack(IMAGES)), kind))
    for method in ("integrated_gradients", "gradient_shap"):
        found = attribute_batch(guest(model), IMAGES, method, [AWE] * 3, Settings(baseline=kind))
        np.testing.assert_allclose([each.values for each in found], expected, atol=1e-3)
        assert all(each.complete for each in found)


def test_gradient_shap_compares_with_all_baselines_unless_told_otherwise() -> None:
    model, images = Linear(), as_tensor(np.stack(IMAGES))
    mean = torch.stack([baseline_of(images, kind) for kind in ("blur", "mean", "black")]).mean(0)
    found = attribute_batch(guest(model), IMAGES, "gradient_shap", [AWE] * 3)
    np.testing.assert_allclose([each.values for each in found], shares(model, mean), atol=1e-3)
    assert found[0].delta == pytest.approx(float(shares(model, mean)[0].sum()), abs=1e-3)


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap"])
def test_gradients_on_a_path_of_a_square_are_the_difference_of_squares(method: str) -> None:
    # (x - b) times the integral of 2 w (b + a (x - b)) over a in [0, 1] is w (x - b) (x + b) = w (x² - b²).
    model, images = Square(), as_tensor(np.stack(IMAGES))
    baseline = baseline_of(images, "mean")
    with torch.no_grad():
        expected = ((images**2 - baseline**2) * model.weight[AWE.emotion]).sum(1).numpy()
    settings = Settings(baseline="mean", samples=256)
    found = np.stack([each.values for each in attribute_batch(guest(model), IMAGES, method, [AWE] * 3, settings)])
    # A point anywhere in a section of 1/256 is off by at most 1/256 of 2 w (x - b)², and the errors average out.
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_covering_a_linear_model_gives_the_mean_share_of_each_cell() -> None:
    model = Linear()
    each_pixel = shares(model, baseline_of(as_tensor(np.stack(IMAGES)), "blur"))
    cells = each_pixel.reshape(3, 4, 2, 4, 2).mean((2, 4)).repeat(2, 1).repeat(2, 2)  # squares of 2 x 2
    found = attribute_batch(guest(model), IMAGES, "feature_ablation", [AWE] * 3, Settings(window=1 / 4))
    np.testing.assert_allclose([each.values for each in found], cells, atol=1e-4)
    assert all(each.complete for each in found)
    # A window of 2 x 2 moves by 1. The pixel in the corner is covered once, by the window of the first four.
    found = attribute_batch(guest(model), IMAGES, "occlusion", [AWE] * 3, Settings(window=1 / 4))
    np.testing.assert_allclose([each.values[0, 0] for each in found], cells[:, 0, 0], atol=1e-4)
    around = [each_pixel[:, y : y + 2, x : x + 2].mean((1, 2)) for y in (3, 4) for x in (3, 4)]
    np.testing.assert_allclose([each.values[4, 4] for each in found], np.mean(around, 0), atol=1e-4)


def test_grad_cam_of_a_pooled_model_is_its_class_activation_map() -> None:
    # z = sum_c w_c mean_p x_cp: the gradient on every x_cp is w_c / 64, so the map is sum_c w_c x_cp / 64.
    model = Pooled()
    found = attribute_batch(guest(model), IMAGES, "grad_cam", [AWE] * 3)
    with torch.no_grad():
        expected = torch.einsum("c,bcyx->byx", model.weight[AWE.emotion, :, 0, 0], as_tensor(np.stack(IMAGES))) / 64
    np.testing.assert_allclose([each.values for each in found], expected, atol=1e-5)
    assert found[0].delta is None and found[0].complete is None
    np.testing.assert_allclose([each.values.sum() for each in found], [each.value for each in found], atol=1e-4)


@pytest.mark.parametrize("method", ["integrated_gradients", "feature_ablation"])
def test_a_place_without_weight_gets_nothing_and_equal_places_get_the_same(method: str) -> None:
    model = Linear()
    with torch.no_grad():
        model.weight[:, :, 0, 0] = 0  # sensitivity
        model.weight[:, :, 1, 0] = model.weight[:, :, 0, 1]  # symmetry
    image = IMAGES[0].copy()
    image[1, 0] = image[0, 1]
    settings = Settings(baseline="mean", window=1 / SIZE)
    values = attribute_batch(guest(model), [image], method, [AWE], settings)[0].values
    assert values[0, 0] == 0 != values[0, 1]
    assert values[1, 0] == pytest.approx(values[0, 1], abs=1e-5)


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap"])
@pytest.mark.parametrize("text", ["awe", "awe@anger,fear", "awe-fear", "entropy", "kl", "awe<-fear"])
def test_gradients_on_a_path_are_complete_for_every_target(tiny_runs: Path, text: str, method: str) -> None:
    run = load_run(tiny_runs / "fisa")
    truth = np.eye(8)[0] * 0.6 + 0.05
    found = attribute(run, PHOTO, method, Target.parse(text, run.space), truth=truth)
    assert found.target == text and found.values.shape == (64, 64)
    assert found.delta is not None and found.gap is not None
    assert found.gap == pytest.approx(abs(found.values.sum() - found.delta), abs=1e-5)
    assert found.gap <= max(0.01 * abs(found.delta), 1e-3) and found.complete


def test_steps_double_until_the_attribution_is_complete_or_the_limit_is_met(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    rough = attribute(run, PHOTO, "integrated_gradients", AWE, Settings(steps=1, most_steps=1))
    assert rough.settings["steps"] == 1 and rough.complete is False
    fine = attribute(run, PHOTO, "integrated_gradients", AWE, Settings(steps=1))
    assert fine.complete and int(fine.settings["steps"]) in {2**n for n in range(1, 10)}


@pytest.mark.parametrize("text", ["awe", "awe@anger,fear", "awe-fear", "awe<-fear"])
def test_contributions_laid_where_emotions_look_are_complete_but_for_the_null_share(tiny_runs: Path, text: str) -> None:
    run = load_run(tiny_runs / "fisa")
    target = Target.parse(text, run.space)
    found = attribute(run, PHOTO, "contributions", target)
    output = run.output([PHOTO])
    assert output.contributions is not None and output.attention is not None and output.null is not None
    pushes = output.contributions[0].sum(0).numpy()
    rows = {"awe": pushes[1], "awe-fear": pushes[1] - pushes[6], "awe<-fear": np.eye(8)[6] * pushes[1, 6]}
    rows["awe@anger,fear"] = pushes[1] - (pushes[4] + pushes[6]) / 2
    expected = sum(push * output.attention[0, j].numpy() for j, push in enumerate(rows[text]))
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    assert found.unplaced == pytest.approx(float(rows[text] @ output.null[0].numpy()), abs=1e-6)
    assert found.delta == pytest.approx(float(rows[text].sum()), abs=1e-4) and found.complete


def test_attention_and_interaction_are_what_the_model_says(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    output = run.output([PHOTO])
    assert output.attention is not None and output.interaction is not None
    np.testing.assert_allclose(attribute(run, PHOTO, "attention", AWE).values, output.attention[0, 1])
    for head, weights in ((None, output.interaction[0].mean(0)), (2, output.interaction[0, 1])):
        expected = torch.einsum("j,jyx->yx", weights[1] - 1 / 8, output.attention[0])
        found = attribute(run, PHOTO, "interaction", AWE, Settings(head=head))
        np.testing.assert_allclose(found.values, expected, atol=1e-6)
        assert found.gap is None


@pytest.mark.parametrize("gauge", ["@fear", "@anger,fear", "@awe", "@awe,fear"])
def test_attention_has_no_gauge_whatever_it_names(tiny_runs: Path, gauge: str) -> None:
    # As for an emotion that the scene does not show: @absent then names the emotion itself.
    run = load_run(tiny_runs / "fisa")
    output = run.output([PHOTO])
    assert output.attention is not None
    found = attribute(run, PHOTO, "attention", Target.parse(f"awe{gauge}", run.space))
    np.testing.assert_allclose(found.values, output.attention[0, 1])
    apart = attribute(run, PHOTO, "attention", Target.parse("awe-fear", run.space))
    np.testing.assert_allclose(apart.values, output.attention[0, 1] - output.attention[0, 6])


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_with_a_target_each_is_as_single_images_are(tiny_runs: Path, method: str) -> None:
    run = load_run(tiny_runs / "fisa")
    targets = [Target("logit", emotion) for emotion in (1, 6)]
    settings = Settings(steps=4, most_steps=4, samples=2, most_samples=2)
    photos = [PHOTO, PHOTO[::-1]]
    both = attribute_batch(run, photos, method, targets, settings)
    for found, photo, target in zip(both, photos, targets, strict=True):
        alone = attribute(run, photo, method, target, settings)
        assert alone.value == pytest.approx(found.value, abs=1e-4)
        if method != "gradient_shap":  # the second of a batch gets other samples
            np.testing.assert_allclose(alone.values, found.values, atol=1e-4)


def test_methods_that_do_not_apply_name_those_that_do(tiny_runs: Path) -> None:
    fisa, cnn = (load_run(tiny_runs / name) for name in ("fisa", "cnn"))
    assert applicable(fisa) == tuple(METHODS)
    assert applicable(fisa, "interaction") == tuple(name for name in METHODS if name != "attention")
    assert applicable(cnn) == applicable(cnn, "kl") == (*GRADIENTS, "occlusion", "feature_ablation")
    assert applicable(cnn, "interaction") == ()
    rest = "these apply: integrated_gradients, gradient_shap, grad_cam, occlusion, feature_ablation"
    with pytest.raises(AttributionError, match=f"^attention: cnn has no attention maps; {rest}$"):
        attribute(cnn, PHOTO, "attention", AWE)
    with pytest.raises(AttributionError, match=f"^contributions: does not answer for the entropy; {rest}$"):
        attribute(fisa, PHOTO, "contributions", Target("entropy"))
    with pytest.raises(AttributionError, match="has no contributions of one emotion to another"):
        attribute(cnn, PHOTO, "occlusion", Target("interaction", 1, 2))
    with pytest.raises(AttributionError, match="no method 'saliency'; there are attention"):
        attribute(cnn, PHOTO, "saliency", AWE)
    with pytest.raises(AttributionError, match="head 5: fisa has heads 1 to 4"):
        attribute(fisa, PHOTO, "interaction", AWE, Settings(head=5))


def test_a_prediction_without_a_gradient_and_one_from_vectors_are_refused() -> None:
    class Steps(Linear):
        def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
            return super().forward(images.round().detach(), explain)

    run = guest(Steps().requires_grad_(False))
    assert applicable(run) == ("occlusion", "feature_ablation")
    with pytest.raises(AttributionError, match="grad_cam: linear has no gradient of its prediction"):
        attribute(run, IMAGES[0], "grad_cam", AWE)
    run.takes_vectors = True
    assert applicable(run) == ()
    with pytest.raises(AttributionError, match="feature vectors, which have no places"):
        attribute(run, IMAGES[0], "occlusion", AWE)
    run.config.task, run.task = "valence_arousal", SimpleNamespace(title="valence and arousal")
    assert applicable(run) == ()
    with pytest.raises(AttributionError, match="predicts valence and arousal, and attribution answers for emotions"):
        attribute(run, IMAGES[0], "occlusion", AWE)


def test_weights_that_give_no_numbers_are_refused() -> None:
    model = Linear()
    with torch.no_grad():
        model.weight[AWE.emotion] = torch.nan
    with pytest.raises(AttributionError, match="linear: these weights give no finite numbers"):
        attribute(guest(model), IMAGES[0], "feature_ablation", AWE)


def hooks(model: nn.Module) -> int:
    return sum(
        len(getattr(module, f"_{kind}_hooks"))
        for module in model.modules()
        for kind in ("forward", "forward_pre", "backward", "backward_pre")
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_shared_model_stays_as_it_is(tiny_runs: Path, method: str) -> None:
    run = load_run(tiny_runs / "fisa")
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    with torch.inference_mode():  # as a caller may be in
        attribute(run, PHOTO, method, AWE, Settings(steps=2, most_steps=2, samples=2, most_samples=2))
    assert hooks(run.model) == 0 and not run.model.training
    assert not any(weight.requires_grad or weight.grad is not None for weight in run.model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.model.state_dict().items())
    assert torch.is_grad_enabled()


def test_no_hook_is_ever_on_the_shared_model_not_even_when_the_model_fails() -> None:
    class Failing(Pooled):
        fails, seen = False, 0

        def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
            output = super().forward(images, explain)
            Failing.seen = max(Failing.seen, hooks(self))
            assert hooks(shared) == 0
            if Failing.fails and hooks(self):
                raise RuntimeError("cut short")
            return output

    shared = Failing()
    attribute(guest(shared), IMAGES[0], "grad_cam", AWE)
    assert Failing.seen > 0  # captum did hook: its own copy
    Failing.fails = True
    with pytest.raises(RuntimeError, match="cut short"):
        attribute(guest(shared), IMAGES[0], "grad_cam", AWE)
    assert hooks(shared) == 0


@pytest.mark.parametrize("method", ["grad_cam", "gradient_shap"])
def test_two_sessions_at_once_get_what_each_would_alone(tiny_runs: Path, method: str) -> None:
    run: Run = load_run(tiny_runs / "fisa")
    settings = Settings(samples=2, most_samples=2)
    photos = [PHOTO, PHOTO[::-1]]
    alone = [attribute(run, photo, method, AWE, settings).values for photo in photos]
    wrong: list[str] = []

    def session(number: int) -> None:
        for _ in range(5):
            found = attribute(run, photos[number], method, AWE, settings).values
            if not np.allclose(found, alone[number], atol=1e-5):
                wrong.append(f"session {number}")

    threads = [threading.Thread(target=session, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_random_state_of_the_process_stays_as_it_is() -> None:
    np.random.seed(5)
    torch.manual_seed(5)
    expected = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index, union-attr]
    first, again = (attribute(guest(Linear()), IMAGES[0], "gradient_shap", AWE).values for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == expected  # type: ignore[index, union-attr]
