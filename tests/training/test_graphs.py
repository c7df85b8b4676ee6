"""What a GPU replays as a graph, run here as it is: the same training, with nothing in a step that a graph forbids."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from varied_packs import VARIED, Digits, assert_equal_to, weighted

from fcsearch.training import TrainingData, TrialConfig, train_pack
from fcsearch.training.checks.plain import train_plainly
from fcsearch.training.cohort import Cohort
from fcsearch.training.data import Minibatches
from fcsearch.training.graphs import GraphCohort, Run
from fcsearch.training.lane import Lane

Weigh = Callable[[TrainingData], TrainingData]


@pytest.fixture(autouse=True)
def _torch_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU; the compiled kernels of a CPU are not captured."""
    monkeypatch.setenv("FCSEARCH_NATIVE", "0")


@pytest.mark.parametrize("weigh", [dataclasses.replace, weighted], ids=["plain", "weighted"])
def test_training_step_by_step_is_training_chunk_by_chunk(weigh: Weigh, digits: Digits) -> None:
    data = weigh(digits(torch.float64))
    found, expected = train_pack(VARIED, data, cohort=GraphCohort), train_pack(VARIED, data)
    for one, other in zip(found, expected, strict=True):
        assert_equal_to(one, other, 1e-12)


@pytest.mark.parametrize(("cohort", "switch"), [(Cohort, "1"), (Cohort, "0"), (GraphCohort, "0")])
def test_epochs_that_are_prepared_together_are_those_of_the_plain_net(
    cohort: type[Cohort], switch: str, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over several stretches, in one of which a member leaves and its lane is made anew."""
    monkeypatch.setenv("FCSEARCH_NATIVE", switch)
    data = digits(torch.float64)
    common = {"hidden_dims": (5,), "batch_size": 4, "learning_rate": 1e-3, "weight_decay": 0.1}
    ends = {"adam": 5, "nadam": 3, "rmsprop": 4}
    configs = [
        TrialConfig(update_rule=rule, epochs=epochs, lr_schedule="cosine", **common) for rule, epochs in ends.items()
    ]
    stretch = Minibatches(data, seed=0, batch_size=4).stretch(4)
    assert list(stretch) == [3, 4]
    for config, result in zip(configs, train_pack(configs, data, cohort=cohort), strict=True):
        plain = train_plainly(config, data, torch.device("cpu"))
        for epoch, expected in zip(result.epochs, plain, strict=True):
            assert epoch.train_loss == pytest.approx(expected.measured["train_loss"].item(), rel=1e-9)
            assert epoch.val_loss == pytest.approx(expected.measured["val_loss"].item(), rel=1e-9)


def test_the_time_of_a_pack_is_shared_out(digits: Digits) -> None:
    configs = [TrialConfig(hidden_dims=(i + 1,), epochs=1) for i in range(4)]
    [first, *others] = train_pack(configs, digits(torch.float32), cohort=GraphCohort)
    assert first.seconds > 0
    assert [other.seconds for other in others] == pytest.approx([first.seconds] * 3)


class Operations(TorchDispatchMode):
    """The names of the operations that run, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))


# Operations whose result decides what is launched next, or that take it to the host.
READS = ("_local_scalar_dense", "item", "nonzero", "masked_select", "unique", "equal", "is_nonzero")


def operations(config: TrialConfig, members: int, data: TrainingData) -> tuple[list[str], list[str]]:
    """Those of a step and of the measurement."""
    batches = Minibatches(data, seed=0, batch_size=config.batch_size)
    lane = Lane(range(members), [config] * members, data, batch_size=batches.batch_size)
    stretch = batches.stretch(1)
    run = Run(lane, batches, torch.cat([batches.order(epoch) for epoch in stretch]))
    run.start_epoch(1, stretch)
    run.step()
    run.start_epoch(2, stretch)
    with Operations() as step:
        run.step()
    with Operations() as measured:
        run.measure()
    return step.names, measured.names


@pytest.mark.parametrize("weigh", [dataclasses.replace, weighted], ids=["plain", "weighted"])
@pytest.mark.parametrize("config", VARIED, ids=range(len(VARIED)))
def test_a_step_reads_nothing_back_and_does_not_grow_with_its_members(
    config: TrialConfig, weigh: Weigh, digits: Digits
) -> None:
    data = weigh(digits(torch.float32))
    few, many = operations(config, 2, data), operations(config, 9, data)
    for names in few:
        assert names
        assert not [name for name in names if name.startswith(READS)]
    assert few == many
