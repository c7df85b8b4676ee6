"""How large packs are: by the networks, and so that the sampler has results to learn from."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest
from search_helpers import make_space

from fcsearch.data import Dataset, DatasetSpec, load_dataset
from fcsearch.nn import Embedding
from fcsearch.search.planning.pack_cost import pack_seconds, step_seconds
from fcsearch.search.planning.packs import choose_pack_size, draw, efficient_size, next_pack_size
from fcsearch.search.planning.placement import Placement
from fcsearch.space import SearchSpace
from fcsearch.training import TrialConfig
from fcsearch.training.shape import Shape

CPU = Placement(workers=2, cpus=1, gpus=0)
GPU = Placement(workers=1, cpus=1, gpus=1)

# Inputs, hidden units, batch size, and microseconds a step and member in packs of each size, Adam without dropout: CPU
# time on one core of the machine in docs/performance.md (3072-20-10: while it was busy).
SIZES = (1, 2, 4, 8, 16, 32)
MEASURED = {
    "20-32-10": (20, (32,), 32, (23, 14, 9, 7, 5, 5)),
    "64-100-100-10": (64, (100,) * 2, 100, (120, 110, 107, 102, 100, 101)),
    "64-100x4-10": (64, (100,) * 4, 100, (240, 230, 232, 229, 230, 230)),
    "64-256-256-10": (64, (256,) * 2, 128, (586, 541, 549, 551, 545, 543)),
    "784-128-128-10": (784, (128,) * 2, 128, (579, 547, 531, 553, 572, 571)),
    "3072-20-10": (3072, (20,), 100, (449, 411, 387, 375, 366, 367)),
    "784-512-512-10": (784, (512,) * 2, 128, (3440, 3644, 3744, 3905, 4000, 3979)),
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset(DatasetSpec("digits"))


def random_dataset(inputs: int, rows: int = 1000) -> Dataset:
    """Ten classes of noise; only the shapes count."""
    X, y = np.zeros((rows, inputs), np.float32), np.zeros(rows, np.int64)
    digits = load_dataset(DatasetSpec("digits"))
    return dataclasses.replace(digits, train=dataclasses.replace(digits.train, X=X, y=y))


@pytest.fixture
def space(tmp_path: Path) -> SearchSpace:
    return make_space(tmp_path)


@pytest.mark.parametrize("name", MEASURED)
def test_the_size_that_is_chosen_is_nearly_the_fastest_that_was_measured(name: str) -> None:
    inputs, hidden, batch, times = MEASURED[name]
    config = TrialConfig(hidden_dims=hidden, batch_size=batch, epochs=1000)
    size = efficient_size([config] * 96, random_dataset(inputs))
    assert times[SIZES.index(size)] <= 1.06 * min(times)


def test_trials_of_a_moment_go_together_whatever_their_size() -> None:
    config = TrialConfig(hidden_dims=(512, 512), batch_size=128, epochs=1)
    assert efficient_size([config] * 96, random_dataset(784, rows=50_000)) == 1
    assert efficient_size([config] * 96, random_dataset(784, rows=128)) >= 8


def test_lanes_cost_what_their_members_share_and_what_they_do_not() -> None:
    alike, other = TrialConfig(hidden_dims=(50,)), TrialConfig(hidden_dims=(60,))
    cost = functools.partial(pack_seconds, rows=1000, shape=lambda config: Shape(64, config.hidden_dims, 10))
    pack = cost([])
    assert cost([alike] * 4) - pack < 4 * (cost([alike]) - pack)
    assert cost([alike, other]) - pack == pytest.approx(cost([alike]) + cost([other]) - 2 * pack)


def test_a_size_that_is_asked_for_is_taken(space: SearchSpace, digits: Dataset) -> None:
    for dataset in (digits, None):
        assert choose_pack_size(7, space=space, dataset=dataset, trials=3, placement=CPU, learns=True) == 7


def test_without_the_dataset_no_size_is_chosen(space: SearchSpace) -> None:
    assert choose_pack_size("auto", space=space, dataset=None, trials=9, placement=CPU, learns=True) is None


@pytest.mark.parametrize("count", [1, 5, 60, 1000, 100_000])
@pytest.mark.parametrize("placement", [CPU, GPU])
def test_a_sampler_that_learns_sees_ten_rounds_of_results(
    count: int, placement: Placement, space: SearchSpace, digits: Dataset
) -> None:
    def chosen(learns: bool) -> int:
        size = choose_pack_size("auto", space=space, dataset=digits, trials=count, placement=placement, learns=learns)
        assert size is not None
        return size

    size = chosen(True)
    assert size <= 4 or count / size >= 10
    assert size == 1 or count / (size * placement.workers) >= 3
    assert size <= chosen(False) <= 256


def test_the_trials_drawn_are_the_space_s_and_always_the_same(space: SearchSpace) -> None:
    first = draw(space)
    assert first == draw(space)
    assert len(set(first)) > 1


def test_towards_the_end_the_rest_is_spread_over_all_workers() -> None:
    assert [next_pack_size(8, remaining=rest, workers=4) for rest in (100, 32, 31, 9, 4, 1)] == [8, 8, 8, 3, 1, 1]


@pytest.mark.parametrize(
    ("frequencies", "dim", "hidden_dims", "microseconds"),
    [(48, 24, (256, 256), 4059), (48, 24, (32,), 1296), (256, 4, (32,), 5638), (1024, 1, (16,), 16421)],
)
def test_a_step_of_an_embedding_costs_what_was_measured(
    frequencies: int, dim: int, hidden_dims: tuple[int, ...], microseconds: float
) -> None:
    """Of 20 numbers, with batches of 256 rows."""
    shape = Shape(20, hidden_dims, 2, Embedding(20, frequencies, dim))
    assert step_seconds(shape, 256) * 1e6 == pytest.approx(microseconds, rel=0.25)
