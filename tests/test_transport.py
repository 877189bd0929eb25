"""Optimal couplings on the wheel, against POT, axioms and an instance worked by hand."""

import numpy as np
import ot
import pytest
from hypothesis import given
from sparse_distributions import pairs

from fisa import distances
from fisa.transport import wheel_transport


def steps(count: int) -> np.ndarray:
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    return np.minimum(apart, count - apart)


def test_by_hand() -> None:
    # Around A B C D and back to A: A has .5 too much, D .3 and B .2 too little. D lies behind A over the cut.
    # D_k = .5, .3, .3, 0: the medians are .3 and .3, so that -.3 goes over the edge D to A, that is .3 from A to D,
    # and .2 from A to B.
    target, predicted = [[0.7, 0.1, 0.1, 0.1]], [[0.2, 0.3, 0.1, 0.4]]
    expected = [[0.2, 0.2, 0, 0.3], [0, 0.1, 0, 0], [0, 0, 0.1, 0], [0, 0, 0, 0.1]]
    np.testing.assert_allclose(wheel_transport(target, predicted, [0, 1, 2, 3])[0], expected, atol=1e-12)


def test_where_both_senses_cost_the_same_each_takes_half() -> None:
    # From A and C to B and D on a wheel of four: clockwise A to B and C to D, or the other way A to D and C to B.
    coupling = wheel_transport([[0.5, 0, 0.5, 0]], [[0, 0.5, 0, 0.5]], [0, 1, 2, 3])[0]
    expected = [[0, 0.25, 0, 0.25], [0, 0, 0, 0], [0, 0.25, 0, 0.25], [0, 0, 0, 0]]
    np.testing.assert_allclose(coupling, expected, atol=1e-12)


@given(pairs())
def test_it_is_a_coupling_of_the_least_cost(pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, predicted = pair
    count = target.shape[1]
    coupling = wheel_transport(target, predicted, range(count))
    assert (coupling >= 0).all()
    np.testing.assert_allclose(coupling.sum(2), target, atol=1e-9)
    np.testing.assert_allclose(coupling.sum(1), predicted, atol=1e-9)
    cost = (coupling * steps(count)).sum((1, 2))
    expected = [
        ot.emd2(p / p.sum(), q / q.sum(), steps(count).astype(float)) for p, q in zip(target, predicted, strict=True)
    ]
    np.testing.assert_allclose(cost, expected, atol=1e-6)
    np.testing.assert_allclose(cost, count * distances.circular_emd(target, predicted, r=1), atol=1e-6)


@given(pairs())
def test_it_turns_and_mirrors_with_the_wheel(pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, predicted = pair
    count = target.shape[1]
    plain = wheel_transport(target, predicted, range(count))
    mirrored = wheel_transport(target, predicted, range(count)[::-1])
    turned = wheel_transport(target, predicted, np.roll(range(count), 3))
    np.testing.assert_allclose(mirrored, plain, atol=1e-6)
    np.testing.assert_allclose(turned, plain, atol=1e-6)


def test_the_order_of_the_columns_is_no_matter() -> None:
    rng = np.random.default_rng(0)
    target, predicted = (rng.dirichlet(np.ones(8), 5) for _ in range(2))
    order = rng.permutation(8)
    sorted_ = wheel_transport(target[:, order], predicted[:, order], range(8))
    np.testing.assert_allclose(wheel_transport(target, predicted, order)[:, order][:, :, order], sorted_, atol=1e-12)


def test_equal_distributions_stay_where_they_are() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(8), 5)
    np.testing.assert_allclose(wheel_transport(rows, rows, range(8)), np.einsum("nc,cd->ncd", rows, np.eye(8)))


def test_an_order_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="each of the 2 columns once"):
        wheel_transport([[0.5, 0.5]], [[0.5, 0.5]], [0, 0])
