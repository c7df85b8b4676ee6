"""Members that embed numbers: each as if it were alone, from the first epoch to a checkpoint and its folds.

That each is the plain net is checked by `fcsearch check`, which test_checks.py runs.
"""

import dataclasses

import pytest
import torch
from varied_packs import Digits, assert_equal_to

from fcsearch.config import InputForm
from fcsearch.nn import Embedding, FullyConnectedNet
from fcsearch.training import Pack, TrainingData, TrialConfig, checkpoint, train_pack
from fcsearch.training.graphs import GraphCohort
from fcsearch.training.shape import Shape

BASE = TrialConfig(
    preprocessing="periodic", frequencies=7, embedding_dim=5, hidden_dims=(20, 11), batch_size=50, learning_rate=0.02,
    epochs=3,
)  # fmt: skip
MEMBERS = [
    dataclasses.replace(BASE, **changes)
    for changes in (
        {},
        {"update_rule": "adam", "learning_rate": 2e-3, "reg": 1e-3},
        {"frequency_scale": 2.0, "dropout": 0.3},
        {"update_rule": "rmsprop", "learning_rate": 1e-3, "weight_decay": 0.3, "epochs": 2},
        {"embedding_dim": 3},
        {"frequencies": 16},
        {"input_dropout": 0.2},
        {"input_dropout": 0.2, "learning_rate": 0.05},
        {"hidden_dims": ()},
        {"seed": 4},
        {"preprocessing": "dataset"},
    )
]


@pytest.fixture
def data(digits: Digits) -> TrainingData:
    """Rows in two forms, in two folds; the first 40 features are numbers."""
    first = dataclasses.replace(digits(torch.float32), numbers=40)
    second = dataclasses.replace(first, X_train=first.X_train[200:], y_train=first.y_train[200:])
    own, embedded = (
        dataclasses.replace(first, form=form, others=(dataclasses.replace(second, form=form),))
        for form in (InputForm(), InputForm("periodic"))
    )
    return dataclasses.replace(own, forms=(embedded,))


@pytest.mark.usefixtures("exact_arithmetic")
def test_a_member_has_the_result_that_it_has_alone(data: TrainingData) -> None:
    together, reverse = train_pack(MEMBERS, data), train_pack(MEMBERS[::-1], data)[::-1]
    for number, config in enumerate(MEMBERS):
        (alone,) = train_pack([config], data)
        for found in (together[number], reverse[number]):
            assert_equal_to(found, alone, 0.0)


def test_a_member_has_the_parameters_of_its_sizes_and_learns_all_of_them(data: TrainingData) -> None:
    (start,) = train_pack([dataclasses.replace(BASE, learning_rate=1e-30)], data)
    for config in (BASE, MEMBERS[1]):
        (found,) = train_pack([config], data)
        shapes = {name: tuple(tensor.shape) for name, tensor in found.weights.items()}
        assert shapes["f0"] == (40, 7)
        assert (shapes["W0"], shapes["b0"], shapes["W1"]) == ((40, 14, 5), (40, 5), (40 * 5 + 24, 20))
        assert found.num_parameters == sum(tensor.numel() for tensor in found.weights.values())
        assert all((found.weights[name] != start.weights[name]).any() for name in found.weights)
        net = FullyConnectedNet.from_params(found.weights)
        accuracy = (net.loss(data.X_val).argmax(1) == data.y_val).float().mean().item()
        # The figure is the mean of two folds, of which these are the weights of the first.
        assert accuracy == pytest.approx(found.best.val["accuracy"], abs=0.1)


def test_its_frequencies_have_their_scale(data: TrainingData) -> None:
    configs = [dataclasses.replace(BASE, frequency_scale=scale, learning_rate=1e-30) for scale in (0.1, 3.0)]
    small, large = (result.weights["f0"] for result in train_pack(configs, data))
    torch.testing.assert_close(large, 30 * small)
    assert small.std().item() == pytest.approx(0.1, rel=0.2)


def test_the_shape_follows_from_configuration_and_numbers(data: TrainingData) -> None:
    shape = Shape.of(BASE, data)
    assert shape == Shape(64, (20, 11), 10, Embedding(numbers=40, frequencies=7, dim=5))
    assert Shape.of(MEMBERS[-1], data) == Shape(64, (20, 11), 10)


def test_rows_without_numbers_have_nothing_to_embed(data: TrainingData) -> None:
    rows = dataclasses.replace(data.in_form(InputForm("periodic")), numbers=0, others=())
    (found,) = train_pack([BASE], rows)
    assert set(found.weights) == {f"{kind}{layer}" for layer in (1, 2, 3) for kind in "Wb"}


def test_a_pack_goes_on_from_a_checkpoint(data: TrainingData) -> None:
    pack = Pack(MEMBERS, data)
    for _ in range(2):
        pack.train_epoch()
    saved = checkpoint.load(pack.saved({}).dump())
    chosen = [3, 0, 7, 5]
    again = Pack.restore(saved, chosen, data)
    while again.alive:
        again.train_epoch()
    expected = train_pack(MEMBERS, data)
    for member, result in zip(chosen, again.results(), strict=True):
        assert_equal_to(result, expected[member], 1e-6)


def test_steps_that_a_graph_would_replay_are_the_same(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FCSEARCH_NATIVE", "0")
    for found, expected in zip(train_pack(MEMBERS, data, cohort=GraphCohort), train_pack(MEMBERS, data), strict=True):
        assert_equal_to(found, expected, 1e-6)
