"""What heads do over a split: against matrices made by hand, and by the identities of silencing."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import TINY_CNN, TINY_FISA

from fisa.config import RunConfig
from fisa.datasets.base import Sample
from fisa.distances import kl
from fisa.emotions import MIKELS8
from fisa.explain.edits import Silence
from fisa.explain.heads import (
    HeadsError,
    Importance,
    SplitMatrices,
    are_kept,
    centred,
    importance,
    importance_table,
    linear_cka,
    matrices_of,
    pattern_similarity,
)
from fisa.explain.what_if import what_if
from fisa.models import build_model
from fisa.records import Interval
from fisa.runs import NewRun, Run, save_run

SIZE, COUNT = 32, 70


class Noise:
    """Seventy images of noise with votes, more than a batch; no truth is known."""

    name, split, space = "noise", "test", MIKELS8

    def __init__(self, version: str) -> None:
        self.version = version
        random = np.random.default_rng(0)
        self.images = random.integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)
        self.target = random.dirichlet(np.ones(8), COUNT)

    @property
    def manifest(self) -> pd.DataFrame:
        return pd.DataFrame(self.target, columns=list(MIKELS8.labels)).assign(id=[str(i) for i in range(COUNT)])

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.images[index], self.target[index])


def build(folder: Path, model: dict[str, Any], **options: object) -> Run:
    torch.manual_seed(0)
    config = RunConfig.model_validate({"name": "x", "data": {"image_size": SIZE}, "model": {**model, **options}})
    built, empty = build_model(config.model, MIKELS8), pd.DataFrame({"epoch": [1]})
    return save_run(folder / "x", NewRun(config, MIKELS8, built.state_dict(), empty, {}, empty, {}))


def split(contribution: np.ndarray, bias: np.ndarray | None = None) -> SplitMatrices:
    count = contribution.shape[-1]
    even = np.full_like(contribution, 1 / count)
    return SplitMatrices(even, contribution, np.zeros(count) if bias is None else bias)


TWO = split(np.array([[[[1.0, 2.0], [3.0, 4.0]]], [[[5.0, -6.0], [0.0, 0.0]]]]), np.array([0.0, 3.0]))
"""Two images, one head, two emotions: logits (3, 10) and (-1, 3)."""


def test_logits_means_and_pairs_are_those_worked_by_hand() -> None:
    assert TWO.logits.tolist() == [[3, 10], [-1, 3]] and TWO.predicted.tolist() == [1, 1]
    assert TWO.mean("contribution").tolist() == [[[3, -2], [1.5, 2]]]
    assert TWO.mean("contribution", np.array([False, True])).tolist() == [[[5, -6], [0, 0]]]
    assert TWO.mean("interaction", np.array([0])).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]
    assert TWO.strongest(0, 1, 5).tolist() == [1, 0]  # |-6| before |2|
    assert TWO.strongest(0, 1, 1, rows=np.array([True, False])).tolist() == [0]
    assert TWO.pushes(0, 1).tolist() == [2, -6]
    with pytest.raises(HeadsError, match="no image"):
        TWO.mean("contribution", np.array([False, False]))


def test_heads_add_up_in_a_pair_and_stand_alone() -> None:
    both = split(np.concatenate([TWO.contribution, np.array([[[[0.0, 9.0], [0, 0]]], [[[0.0, 1.0], [0, 0]]]])], 1))
    assert both.pushes(0, 1).tolist() == [11, -5] and both.pushes(0, 1, 1).tolist() == [9, 1]
    assert both.strongest(0, 1, 2).tolist() == [0, 1] and both.strongest(0, 1, 2, head=0).tolist() == [1, 0]


def test_patterns_are_compared_by_their_centred_cosine() -> None:
    first = np.array([[1.0, 0.0], [0.0, 1.0]])
    means = np.stack([first, 2 * first + 3, -first])
    # Twice a pattern and three is the same one; its negative is the opposite.
    assert pattern_similarity(means, "interaction") == pytest.approx(np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]]))
    # A number added to a whole column of contributions is no pattern: softmax ignores it.
    shifted = first + np.array([[7.0, -2.0]])
    assert pattern_similarity(np.stack([first, shifted]), "contribution") == pytest.approx(np.ones((2, 2)))
    assert centred(shifted).tolist() == centred(first).tolist() == [[0.5, -0.5], [-0.5, 0.5]]


def test_cka_is_the_squared_correlation_of_two_single_numbers() -> None:
    # One entry varies: x = (1, 2, 3), y = (1, 3, 2), whose correlation is 1/2; CKA of one column each is its square.
    matrices = np.zeros((3, 3, 2, 2))
    matrices[:, 0, 0, 0], matrices[:, 1, 1, 0] = [1, 2, 3], [1, 3, 2]
    expected = np.array([[1, 0.25, 0], [0.25, 1, 0], [0, 0, 1]])  # the third head never varies
    assert linear_cka(matrices) == pytest.approx(expected)


def test_cka_knows_neither_rotation_nor_scale() -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(40, 4))
    turn = np.linalg.qr(random.normal(size=(4, 4)))[0]
    pair = np.stack([rows, 1e-7 * (rows @ turn) + 5], 1).reshape(40, 2, 2, 2)
    assert linear_cka(pair) == pytest.approx(np.ones((2, 2)), abs=1e-6)


def test_matrices_are_those_of_single_images_and_are_kept(tmp_path: Path) -> None:
    run, data = build(tmp_path, TINY_FISA), Noise("kept")
    calls: list[tuple[int, int]] = []
    assert not are_kept(run, data)
    found = matrices_of(run, data, lambda done, total: calls.append((done, total)))
    assert calls[-2:] == [(64, COUNT), (COUNT, COUNT)]
    one = run.output([data.images[66]])
    assert one.contributions is not None and one.interaction is not None
    assert found.contribution[66] == pytest.approx(one.contributions[0].numpy(), abs=1e-5)
    assert found.interaction[66] == pytest.approx(one.interaction[0].numpy(), abs=1e-6)
    assert found.logits[66] == pytest.approx(one.logits[0].numpy(), abs=1e-5)
    assert are_kept(run, data)
    again = matrices_of(run, data, lambda *_: pytest.fail("computed again"))
    assert np.array_equal(again.contribution, found.contribution)


@pytest.mark.parametrize(("output", "members"), [("softmax", 1), ("sigmoid", 1), ("softmax", 2)])
def test_importance_is_what_silencing_changes(tmp_path: Path, output: str, members: int) -> None:
    run, data = build(tmp_path, TINY_FISA, output=output, members=members), Noise(f"{output} {members}")
    found = importance(run, data, matrices_of(run, data))
    every = range(1, 4 * members + 1)
    assert found.measure == "kl" and len(found.heads) == len(every)

    def error(heads: tuple[int, ...]) -> float:
        outcomes = [what_if(run, image, [Silence(head) for head in heads]) for image in data.images[:COUNT]]
        return float(kl(data.target, np.stack([each.after.distribution for each in outcomes])).mean())

    whole = error(())
    assert found.whole == pytest.approx(whole, abs=1e-5)
    assert found.heads[1].value == pytest.approx(error((2,)) - whole, abs=1e-5)
    assert found.without.value == pytest.approx(error(tuple(every)) - whole, abs=1e-5)
    assert all(each.low <= each.value <= each.high for each in (*found.heads, found.without))


def test_the_score_of_drawn_scenes_changes_by_kl_over_that_of_the_constant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = build(tmp_path, TINY_FISA), Noise("score")
    truth, constant = data.target, np.full((COUNT, 8), 1 / 8)
    monkeypatch.setattr("fisa.explain.heads.truth_of", lambda _: truth)
    monkeypatch.setattr("fisa.explain.heads.oracles_of", lambda _: {"constant": constant})
    matrices = matrices_of(run, data)
    found = importance(run, data, matrices)
    z = matrices.logits
    below = kl(truth, constant).mean()

    def score(logits: np.ndarray) -> float:
        q = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return float(1 - kl(truth, q).mean() / below)

    assert found.measure == "score" and found.whole == pytest.approx(score(z), abs=1e-5)
    without = z - matrices.contribution[:, 0].sum(2)
    assert found.heads[0].value == pytest.approx(score(without) - score(z), abs=1e-5)


def test_the_table_names_the_nearest_head() -> None:
    intervals = tuple(Interval(value, value - 1, value + 1) for value in (0.5, 0.25, 0.0))
    found = Importance("kl", 1.0, intervals, intervals[0])
    similarity = np.array([[1, 0.9, 0.1], [0.9, 1, 0.3], [0.1, 0.3, 1]])
    table = importance_table(found, similarity)
    assert table["nearest"].tolist() == [2, 1, 2] and table["similarity"].tolist() == [0.9, 0.9, 0.3]
    assert table.loc[2, ["change", "low", "high"]].tolist() == [0.25, -0.75, 1.25]


@pytest.mark.parametrize("model", [TINY_CNN, TINY_FISA | {"heads": 0}])
def test_a_run_without_heads_is_refused(tmp_path: Path, model: dict[str, Any]) -> None:
    with pytest.raises(HeadsError, match="x has no interaction heads; runs of fisa"):
        matrices_of(build(tmp_path, model), Noise("none"))
