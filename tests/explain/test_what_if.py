"""What edits do, on models whose answers are worked by hand, and by axioms on drawn scenes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import TINY_CNN, TINY_FISA

from fisa.config import RunConfig
from fisa.datasets.base import Sample
from fisa.datasets.planted import draw_scene
from fisa.datasets.planted.render import render
from fisa.emotions import MIKELS8
from fisa.explain import explain
from fisa.explain.baselines import baseline_of
from fisa.explain.counterfactuals import answers, draw_family
from fisa.explain.edits import Cover, Edit, EditError, Feature, Remove, Scale, Silence, Swap
from fisa.explain.what_if import check_edit, edited_image, edited_scene, feature_means, what_if
from fisa.images import denormalise
from fisa.models import Fisa, System, build_model
from fisa.models.attention import ClassFeatures
from fisa.models.inputs import as_tensor
from fisa.runs import NewRun, Run, save_run

SIZE = 32
SCENE = draw_scene(3)
IMAGE = render(SCENE, SIZE).image
SHOWN = [MIKELS8.labels[column] for column in np.flatnonzero(SCENE.strengths)]
Build = Callable[..., Run]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Save a run of fresh weights, changed as the test says."""

    def save(model: dict[str, Any] = TINY_FISA, change: Callable[[Any], None] | None = None, **options: object) -> Run:
        torch.manual_seed(0)
        document = {"name": "x", "data": {"image_size": SIZE}, "model": {**model, **options}}
        config = RunConfig.model_validate(document)
        built = build_model(config.model, MIKELS8)
        with torch.no_grad():
            if change is not None:
                change(built)
        empty = pd.DataFrame({"epoch": [1]})
        return save_run(tmp_path / "x", NewRun(config, MIKELS8, built.state_dict(), empty, {}, empty, {}))

    return save


def even(model: Fisa) -> None:
    """Make F_k = k, every weight 1/8, v_j = F_j and z_i = F^Ad_i: so z_i = (0 + 1 + ... + 7) / 8 = 3.5 for every i."""
    model.semantic.null_logit.fill_(1e4)  # all attention at no place, so that a feature is its null value
    model.semantic.null_value.copy_(torch.arange(8.0)[:, None])
    (layer,) = model.layers
    for part in (layer.query, layer.key, layer.value):
        part.weight.zero_()
        part.bias.zero_()
    layer.value.weight.fill_(1)
    model.readout.weight.fill_(1)
    model.readout.bias.zero_()


ONE_HEAD = {"dim": 1, "heads": 1, "null_position": True}


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ((), [3.5] * 8),
        ((Silence(1),), [0.0] * 8),
        ((Feature("sadness", "zero"),), [2.625] * 8),  # sadness is column 7: (28 - 7) / 8
        ((Scale("amusement", "sadness", 3),), [5.25] + [3.5] * 7),  # column 0 gets 7 / 8 twice more
        ((Scale("amusement", "sadness", 0),), [2.625] + [3.5] * 7),
        ((Feature("sadness", "zero"), Scale("amusement", "fear", -1)), [1.125] + [2.625] * 7),  # fear is 6: less 12 / 8
        ((Feature("sadness", "mean"),), [3.75] * 8),  # 9 in the place of 7
    ],
)
def test_logits_are_those_worked_by_hand(build: Build, edits: tuple[Edit, ...], expected: list[float]) -> None:
    run = build(change=even, **ONE_HEAD)
    outcome = what_if(run, IMAGE, edits, means={"mean": np.full((8, 1), 9, np.float32)})
    assert outcome.before.logits.tolist() == [3.5] * 8
    assert outcome.after.logits.tolist() == pytest.approx(expected)
    assert outcome.change.tolist() == pytest.approx([value - 3.5 for value in expected])
    z = np.exp(np.array(expected) - max(expected))
    assert outcome.after.distribution.tolist() == pytest.approx((z / z.sum()).tolist())


def test_the_change_in_the_gauge_leaves_out_what_absent_emotions_share(build: Build) -> None:
    outcome = what_if(build(), IMAGE, [Cover(0, 0, 0.5, 0.5)], SCENE)
    absent = np.array([label not in SHOWN for label in MIKELS8.labels])
    assert outcome.gauged is not None and outcome.gauged[absent].mean() == pytest.approx(0, abs=1e-6)
    assert np.ptp(outcome.gauged - outcome.change) == pytest.approx(0, abs=1e-6)  # one number less everywhere
    assert outcome.table()["change in the gauge"].tolist() == outcome.gauged.tolist()


def test_no_edit_changes_nothing_bit_for_bit(build: Build) -> None:
    run = build()
    outcome = what_if(run, IMAGE, [], SCENE)
    alone = explain(run, IMAGE)
    for found in (outcome.before, outcome.after):
        for part in ("logits", "distribution", "attention", "effect", "interaction", "contributions"):
            assert np.array_equal(getattr(found, part), getattr(alone, part)), part
    assert not outcome.change.any()


@pytest.mark.parametrize(
    "edits",
    [
        [Scale("fear", "awe", 1)],
        [Swap("fear", "awe"), Swap("fear", "awe")],
        [Swap("fear", "awe"), Swap("awe", "fear")],
    ],
)
def test_edits_that_undo_themselves_change_nothing(build: Build, edits: list[Edit]) -> None:
    assert not what_if(build(), IMAGE, edits).change.any()


@pytest.mark.parametrize("readout", ["per_class", "shared", "joint"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_head_takes_away_what_it_contributes_and_all_heads_leave_the_bias(
    build: Build, readout: str, layers: int
) -> None:
    run = build(readout=readout, layers=layers)
    contributions = explain(run, IMAGE).contributions
    assert contributions is not None
    outcome = what_if(run, IMAGE, [Silence(2)])
    assert outcome.change == pytest.approx(-contributions[1].sum(1), abs=1e-5)
    after = outcome.after
    assert after.contributions is not None and after.bias is not None
    assert after.logits == pytest.approx(after.bias + after.contributions.sum((0, 2)), abs=1e-6)
    # Without any head the readout gets features of zero: what a system without interaction says of these.
    none = what_if(run, IMAGE, [Silence(head) for head in (1, 2, 3, 4)]).after
    model = run.model
    assert isinstance(model, Fisa) and model.readout is not None
    assert none.logits.tolist() == model.readout(torch.zeros(1, 8, 16))[0].tolist()


def test_a_committee_loses_the_heads_of_its_members(build: Build) -> None:
    run = build(members=2)
    contributions = explain(run, IMAGE).contributions
    assert contributions is not None and len(contributions) == 2 * 4
    outcome = what_if(run, IMAGE, [Silence(6)])
    assert outcome.change == pytest.approx(-contributions[5].sum(1), abs=1e-5)
    # One factor weighs what awe gives to fear in every member.
    expected = np.zeros(8)
    fear, awe = MIKELS8.index("fear"), MIKELS8.index("awe")
    expected[fear] = contributions[:, fear, awe].sum()
    assert what_if(run, IMAGE, [Scale("fear", "awe", 2)]).change == pytest.approx(expected, abs=1e-5)


def test_a_factor_of_zero_takes_one_contribution_away(build: Build) -> None:
    run = build()
    contributions = explain(run, IMAGE).contributions
    assert contributions is not None
    fear, awe = MIKELS8.index("fear"), MIKELS8.index("awe")
    expected = np.zeros(8)
    expected[fear] = -contributions[:, fear, awe].sum()
    assert what_if(run, IMAGE, [Scale("fear", "awe", 0)]).change == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("score", ["dot", "hadamard"])
def test_exchanged_embeddings_exchange_where_two_emotions_look(build: Build, score: str) -> None:
    fear, awe = MIKELS8.index("fear"), MIKELS8.index("awe")
    outcome = what_if(build(score=score), IMAGE, [Swap("fear", "awe")])
    before, after = outcome.before.attention, outcome.after.attention
    assert before is not None and after is not None and np.abs(before[fear] - before[awe]).max() > 1e-6
    assert np.array_equal(after[fear], before[awe]) and np.array_equal(after[awe], before[fear])
    others = [column for column in range(8) if column not in (fear, awe)]
    assert np.array_equal(after[others], before[others])


def test_word_vectors_are_exchanged_too(build: Build, tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    rows = np.random.default_rng(0).normal(size=(8, 4)).round(3)
    lines = [" ".join([label, *map(str, row)]) for label, row in zip(MIKELS8.labels, rows, strict=True)]
    file.write_text("\n".join(lines))
    options = {"label_embedding": "file", "label_vectors_file": str(file), "label_dimensions": 4}
    run = build(change=lambda model: model.fit_labels(np.eye(8)), **options)
    outcome = what_if(run, IMAGE, [Swap("fear", "awe")])
    before, after = outcome.before.attention, outcome.after.attention
    assert before is not None and after is not None
    assert np.array_equal(after[MIKELS8.index("fear")], before[MIKELS8.index("awe")])


def test_one_of_several_motifs_is_left_out_and_the_others_stay() -> None:
    scene = draw_scene(5)
    places = [place for place, motif in enumerate(scene.motifs) if motif.emotion == 7]
    assert len(places) == 2
    label = MIKELS8.labels[7]
    for number, place in enumerate(places, start=1):
        left = edited_scene(scene, [Remove(label, number)])
        assert left.motifs == scene.without(place).motifs
        assert np.array_equal(left.distribution, scene.without(place).distribution)
    both, whole = edited_scene(scene, [Remove(label, 1), Remove(label, 2)]), scene.without_emotion(7)
    assert both.motifs == whole.motifs == edited_scene(scene, [Remove(label), Remove(label, 2)]).motifs
    shown = edited_image(IMAGE, [Remove(label, 2)], SIZE, scene)
    assert np.array_equal(shown, render(scene.without(places[1]), SIZE).image)


def test_a_covered_box_is_the_baseline_and_all_else_stays() -> None:
    edited = edited_image(IMAGE, [Cover(0.25, 0.5, 0.75, 1)], SIZE)
    blurred = denormalise(baseline_of(as_tensor(IMAGE[None]), "blur").numpy())[0]
    inside = np.zeros((SIZE, SIZE), bool)
    inside[16:32, 8:24] = True
    assert np.array_equal(edited[inside], blurred[inside]) and np.array_equal(edited[~inside], IMAGE[~inside])
    assert np.array_equal(edited_image(IMAGE, [Cover(0, 0, 1, 1, "black")], SIZE), np.zeros_like(IMAGE))
    halves = np.zeros((2, 2, 3), np.uint8)
    halves[:, 1] = 100
    # The first box makes all 50; the second finds nothing else to be the mean of.
    twice = edited_image(halves, [Cover(0, 0, 1, 1, "mean"), Cover(0, 0, 0.5, 1, "mean")], 2)
    assert np.array_equal(twice, np.full((2, 2, 3), 50))


def test_a_removed_motif_is_the_counterfactual_of_the_grades(build: Build) -> None:
    run, family = build(), draw_family(SCENE, SIZE)
    (said,) = answers(run, [family])
    whole = said.change(family)
    for place, label in enumerate(SHOWN):
        assert np.array_equal(edited_image(IMAGE, [Remove(label)], SIZE, SCENE), family.without[place])
        gauged = what_if(run, IMAGE, [Remove(label)], SCENE).gauged
        assert gauged == pytest.approx(-whole[:, place], abs=1e-5)
    covered = edited_image(IMAGE, [Cover(0, 0, 1, 1, "black"), Remove(SHOWN[0])], SIZE, SCENE)
    assert not covered.any()  # motifs are removed below boxes, whatever the order


def test_a_feature_of_the_image_without_the_emotion_is_the_direct_path(build: Build) -> None:
    run, family = build(), draw_family(SCENE, SIZE)
    (said,) = answers(run, [family])
    column = family.present[0]
    patched = torch.from_numpy(said.features[:1].copy())
    patched[0, column] = torch.from_numpy(said.features[1, column])
    assert isinstance(run.model, Fisa)
    expected = run.model.interact(ClassFeatures(patched), explain=False).logits[0].numpy()
    outcome = what_if(run, IMAGE, [Feature(SHOWN[0])], SCENE, {"absent": said.features[1]})
    assert outcome.after.logits == pytest.approx(expected, abs=1e-5)


class Scenes:
    """The first eight scenes as a data set; fear is in some of them."""

    name, split, version, space = "scenes", "test", "1", MIKELS8
    scenes = tuple(draw_scene(index) for index in range(8))

    @property
    def manifest(self) -> pd.DataFrame:
        strengths = np.array([scene.strengths for scene in self.scenes])
        columns = {f"strength_{label}": strengths[:, column] for column, label in enumerate(MIKELS8.labels)}
        return pd.DataFrame({"id": [str(scene.index) for scene in self.scenes], **columns})

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> Sample:
        return Sample(render(self.scenes[index], SIZE).image, self.scenes[index].distribution)


def test_means_of_features_are_over_images_without_the_emotion(build: Build) -> None:
    run, data = build(), Scenes()
    calls: list[tuple[int, int]] = []
    means = feature_means(run, data, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (8, 8)
    features = np.stack([run.output([data[index].image]).features[0].numpy() for index in range(8)])
    assert means["mean"] == pytest.approx(features.mean(0), abs=1e-5)
    for column in range(8):
        without = np.array([scene.strengths[column] == 0 for scene in data.scenes])
        assert means["absent"][column] == pytest.approx(features[without, column].mean(0), abs=1e-5)


def test_means_of_features_need_features(build: Build) -> None:
    with pytest.raises(EditError, match="has no class features"):
        feature_means(build(TINY_CNN), Scenes())


@pytest.mark.parametrize(
    ("model", "edit", "why"),
    [
        (TINY_CNN, Silence(1), "no class features of emotions; boxes can be covered"),
        (TINY_CNN, Swap("fear", "awe"), "for every run"),
        (TINY_FISA | {"heads": 0}, Silence(1), "no interaction heads (H = 0); boxes can be covered"),
        (TINY_FISA | {"heads": 0}, Scale("fear", "awe", 2), "its class features replaced"),
        (TINY_FISA | {"semantic_attention": "class_maps"}, Swap("fear", "awe"), "no label embeddings"),
        (TINY_FISA | {"members": 2}, Swap("fear", "awe"), "class features of its own; boxes can be covered"),
        (TINY_FISA | {"members": 2}, Feature("fear"), "heads silenced where there are any"),
        (TINY_FISA | {"members": 2}, Silence(9), "heads 1 to 8"),
        (TINY_FISA | {"members": 2, "heads": 0}, Silence(1), "is a committee"),
        (TINY_FISA, Silence(5), "heads 1 to 4"),
        (TINY_FISA, Silence(0), "heads 1 to 4"),
        (TINY_FISA, Feature("joy"), "'joy' is none of amusement"),
        (TINY_FISA, Scale("fear", "joy", 2), "'joy' is none of amusement"),
        (TINY_FISA, Feature("fear"), "feature:fear,zero does not"),
    ],
)
def test_what_a_model_cannot_do_is_refused_with_what_works(
    build: Build, model: dict[str, Any], edit: Edit, why: str
) -> None:
    with pytest.raises(EditError) as error:
        what_if(build(model), IMAGE, [edit], SCENE)
    assert why in str(error.value) and str(edit) in str(error.value)


def test_motifs_are_removed_only_where_they_are_known(build: Build) -> None:
    run = build(TINY_CNN)
    with pytest.raises(EditError, match="only a drawn scene"):
        check_edit(Remove("fear"), run, None)
    hidden = next(label for label in MIKELS8.labels if label not in SHOWN)
    with pytest.raises(EditError, match=f"shows no motif of it; it shows {', '.join(SHOWN)}"):
        check_edit(Remove(hidden), run, SCENE)
    with pytest.raises(EditError, match=f"remove:{SHOWN[0]},2.*has motifs 1 to 1 of {SHOWN[0]}"):
        check_edit(Remove(SHOWN[0], 2), run, SCENE)
    assert what_if(run, IMAGE, [Cover(0, 0, 1, 1), Remove(SHOWN[0])], SCENE).change.any()


def test_a_run_without_heads_can_still_lose_a_feature(build: Build) -> None:
    outcome = what_if(build(heads=0), IMAGE, [Feature("fear", "zero")])
    changed = np.flatnonzero(outcome.change)
    assert changed.tolist() == [MIKELS8.index("fear")]  # each logit reads its own feature


def test_the_shared_model_stays_as_it_is_after_an_exception_too(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build()
    before = {name: value.clone() for name, value in run.model.state_dict().items()}

    def hooks(model: System) -> int:
        return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())

    edits = [Swap("fear", "awe"), Feature("fear", "zero"), Silence(1), Scale("fear", "awe", 2)]
    what_if(run, IMAGE, edits)
    monkeypatch.setattr(Fisa, "interact", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        what_if(run, IMAGE, edits)
    assert hooks(run.model) == 0 and not run.model.training
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())
