"""The promises of a pack on a CUDA device. Skipped, saying so, where there is none."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from varied_packs import VARIED, assert_equal_to, pack_of, weighted

from fcsearch.config import InputForm
from fcsearch.training import Pack, TrainingData, TrialConfig, train_pack
from fcsearch.training.checkpoint import load
from fcsearch.training.cohort import Cohort
from fcsearch.training.engine.activations import Dropping, Relu
from fcsearch.training.engine.inputs import InputDropout

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; this machine has none"),
]

Digits = Callable[[torch.dtype], TrainingData]


@pytest.fixture
def data(digits: Digits) -> TrainingData:
    rows = digits(torch.float64)
    return TrainingData.from_arrays(rows.X_train, rows.y_train, rows.X_val, rows.y_val, num_classes=10, device="cuda",
                                    dtype=torch.float64)  # fmt: skip


@pytest.mark.parametrize("size", [2, 7, 32])
@pytest.mark.parametrize("number", range(len(VARIED)))
def test_a_member_of_a_pack_is_the_trial_alone(data: TrainingData, number: int, size: int) -> None:
    members, position = pack_of(VARIED[number], size)
    assert_equal_to(train_pack(members, data)[position], train_pack([VARIED[number]], data)[0], 1e-9)


def test_without_dropout_a_gpu_trains_as_a_cpu_does(data: TrainingData, digits: Digits) -> None:
    configs = [config for config in VARIED if not (config.dropout or config.input_dropout)]
    here, there = train_pack(configs, data), train_pack(configs, digits(torch.float64))
    for one, other in zip(here, there, strict=True):
        assert_equal_to(one, other, 1e-8)


@pytest.mark.parametrize("weigh", [dataclasses.replace, weighted], ids=["plain", "weighted"])
def test_a_replayed_step_is_the_step_itself(weigh: Callable[[TrainingData], TrainingData], data: TrainingData) -> None:
    data = weigh(data)
    for one, other in zip(train_pack(VARIED, data), train_pack(VARIED, data, cohort=Cohort), strict=True):
        assert_equal_to(one, other, 1e-12)


@pytest.mark.parametrize("objective", ["balanced_accuracy", "roc_auc", "log_loss"])
def test_other_objectives_are_measured(data: TrainingData, objective: str) -> None:
    there = dataclasses.replace(data, objective=objective)
    cpu = TrainingData(*(t.cpu() for t in (data.X_train, data.y_train, data.X_val, data.y_val)), 10, objective)
    config = TrialConfig(hidden_dims=(20,), epochs=3)
    [one], [other] = train_pack([config], there), train_pack([config], cpu)
    for here, elsewhere in zip(one.epochs, other.epochs, strict=True):
        assert here.val == pytest.approx(elsewhere.val, abs=1e-8)


def test_members_that_embed_are_trained_as_on_a_cpu(data: TrainingData, digits: Digits) -> None:
    base = TrialConfig(preprocessing="periodic", frequencies=5, embedding_dim=3, hidden_dims=(20, 11), epochs=3)
    configs = [
        dataclasses.replace(base, **changes)
        for changes in ({}, {"update_rule": "adam", "learning_rate": 2e-3}, {"hidden_dims": ()}, {"reg": 1e-3})
    ]
    here, there = (
        train_pack(configs, dataclasses.replace(rows, form=InputForm("periodic"), numbers=40))
        for rows in (data, digits(torch.float64))
    )
    for one, other in zip(here, there, strict=True):
        assert_equal_to(one, other, 1e-8)


def test_a_diverging_member_harms_no_neighbour(data: TrainingData) -> None:
    single = TrainingData(data.X_train.float(), data.y_train, data.X_val.float(), data.y_val, 10)
    good = TrialConfig(hidden_dims=(40, 40), learning_rate=0.05, epochs=3)
    bad = TrialConfig(hidden_dims=(40, 40), learning_rate=1e6, epochs=10)
    results = train_pack([good, bad], single)
    assert [result.state for result in results] == ["complete", "diverged"]
    assert_equal_to(results[0], train_pack([good], single)[0], 1e-5)


def test_a_saved_pack_goes_on_to_the_same_weights(data: TrainingData) -> None:
    pack = Pack(VARIED, data)
    pack.train_epoch()
    saved = load(pack.saved({}).dump())
    resumed = Pack.restore(saved, range(len(saved.configs)), data)
    for one in (pack, resumed):
        while one.alive:
            one.train_epoch()
    for result, again in zip(pack.results(), resumed.results(), strict=True):
        assert_equal_to(again, result, 1e-9)


def test_members_that_leave_give_their_memory_back() -> None:
    draw = torch.Generator().manual_seed(0)
    X, y = torch.randn(2000, 512, generator=draw), torch.randint(10, (2000,), generator=draw)
    wide = TrainingData.from_arrays(X, y, X[:200], y[:200], num_classes=10, device="cuda")
    train_pack([TrialConfig(hidden_dims=(4,), epochs=1)], wide)  # what cuBLAS takes, it keeps
    others = torch.cuda.memory_allocated()
    pack = Pack([TrialConfig(hidden_dims=(1024,), epochs=2 + 3 * (i == 0)) for i in range(32)], wide)
    before = torch.cuda.memory_allocated() - others
    pack.train_epoch()
    pack.train_epoch()
    assert pack.alive == (0,)
    assert torch.cuda.memory_allocated() - others < before / 4


def test_input_dropout_drops_at_its_rate() -> None:
    x = torch.full((500, 400), -10.0, device="cuda")
    dropout = InputDropout(0.3, 500, 400, seed=1, like=x)
    dropout.bits.start_epoch(1)
    out = dropout.apply(x)
    assert (out == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    torch.testing.assert_close(out[out != 0], (x / 0.7)[out != 0])


@pytest.mark.parametrize("rate", [0.25, 0.4, 0.7])
def test_dropout_drops_at_its_rate(rate: float) -> None:
    hidden = torch.full((2, 500, 400), 10.0, device="cuda")
    activation = Relu([hidden], Dropping([rate, 0.0], [hidden], seed=1))
    activation.start_epoch(1)
    activation.draw()
    activation.forward(0, hidden, torch.zeros_like(hidden[:, 0]))
    assert (hidden[0] == 0).double().mean().item() == pytest.approx(rate, abs=0.01)
    assert torch.equal(hidden[1], torch.full_like(hidden[1], 10.0))
