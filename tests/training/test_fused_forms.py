"""The fast forms that packs run, where `fcsearch check` does not look on a machine without a GPU."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from host_kernels import change_source, use_host_kernels
from varied_packs import Digits, assert_equal_to, weighted

from fcsearch.nn.activations import ACTIVATIONS as PLAIN_ACTIVATIONS
from fcsearch.nn.gradcheck import PLAIN_NET
from fcsearch.training import TrainingData, TrialConfig, train_pack
from fcsearch.training.checks.pieces import piece_checks
from fcsearch.training.checks.way import KERNELS, Way
from fcsearch.training.cohort import Cohort
from fcsearch.training.data import Minibatches, one_hot
from fcsearch.training.engine.buffers import stack
from fcsearch.training.engine.compiled_lane import CompiledNet
from fcsearch.training.engine.losses import LaneLoss
from fcsearch.training.engine.native import step_functions
from fcsearch.training.graphs import GraphCohort
from fcsearch.training.shape import Shape
from fcsearch.training.step_batch import StepBatch

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", PLAIN_NET, ids=str)
def test_the_kernels_of_a_gpu_are_the_plain_net(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    use_host_kernels(monkeypatch)
    checks = list(piece_checks(Way(CPU, dtype, KERNELS)))
    assert {check.subject for check in checks} >= {"relu passes, dropout", "gelu passes, dropout", "nadam steps"}
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize(
    ("right", "wrong", "subject"),
    [
        ("value[u] = h[(extent)i * step] + added;", "value[u] = h[(extent)i * step];", "relu passes"),
        ("value[u] * factor", "value[u]", "relu passes, dropout"),
        ("gradient[u] * factor;", "gradient[u];", "relu passes, dropout"),
        ("dbias[j * l->c_member + k] = sum;", "dbias[j * l->c_member + k] = 0;", "relu passes"),
        ("- most - log_sum;", "- log_sum;", "softmax loss"),
        ("* share;", ";", "softmax loss, label smoothing"),
    ],
)
@pytest.mark.usefixtures("_fresh_kernels")
def test_a_wrong_kernel_of_a_gpu_fails(right: str, wrong: str, subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert change_source(monkeypatch, right, wrong) >= 1
    use_host_kernels(monkeypatch)
    failed = {check.subject for check in piece_checks(Way(CPU, torch.float64, KERNELS)) if not check.passed}
    assert subject in failed


@pytest.mark.parametrize("classes", [10, 0])
@pytest.mark.parametrize("weigh", [dataclasses.replace, weighted], ids=["plain", "weighted"])
def test_a_step_takes_the_rows_of_its_number(
    classes: int, weigh: Callable[[TrainingData], TrainingData], digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_host_kernels(monkeypatch)
    rows = digits(torch.float32)
    arrays = rows.X_train, rows.y_train, rows.X_val, rows.y_val
    batches = Minibatches(
        weigh(TrainingData.from_arrays(*arrays, num_classes=classes, objective=None)), seed=3, batch_size=37
    )
    order, number = batches.order(1), torch.zeros(1, dtype=torch.int64)
    step_batch = StepBatch(batches, order, number)
    for step in (0, 4, batches.steps - 1):
        number.fill_(step)
        found = step_batch.take()
        [expected] = batches.gather(order[step : step + 1]).steps()
        for one, other in zip(found, (expected.x, expected.targets, expected.row_weights), strict=True):
            assert one is other is None or torch.equal(one, other)


@pytest.mark.parametrize("classes", [10, 0])
def test_a_replayed_pack_with_kernels_is_the_pack_in_turns(
    classes: int, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_host_kernels(monkeypatch)
    rows = digits(torch.float64)
    arrays = rows.X_train, rows.y_train, rows.X_val, rows.y_val
    data = weighted(TrainingData.from_arrays(*arrays, num_classes=classes, objective=None, dtype=torch.float64))
    common = {"loss": "softmax" if classes else "huber", "learning_rate": 1e-3, "batch_size": 25}
    configs = [
        TrialConfig(hidden_dims=(9,), epochs=2, **common),
        TrialConfig(hidden_dims=(9,), epochs=3, update_rule="adam", dropout=0.3, **common),
    ]
    found, expected = train_pack(configs, data, cohort=GraphCohort), train_pack(configs, data, cohort=Cohort)
    for one, other in zip(found, expected, strict=True):
        assert_equal_to(one, other, 1e-12)


@pytest.mark.parametrize("dtype", PLAIN_NET, ids=str)
@pytest.mark.parametrize("name", PLAIN_ACTIVATIONS)
def test_activations_in_c_are_those_of_nn_within_few_units_in_the_last_place(name: str, dtype: torch.dtype) -> None:
    functions = step_functions(CPU, dtype)
    if functions is None:
        pytest.skip("no compiled steps on this machine")
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.logspace(-12, 0, 500), -torch.logspace(-12, 0, 500)])
    x = x.to(dtype).unsqueeze(1)
    one = {"W1": torch.ones(1, 1), "b1": torch.zeros(1), "W2": torch.ones(1, 1), "b2": torch.zeros(1)}
    weights = stack(Shape(1, (1,), 1), [one], device=CPU, dtype=dtype, by_member=True)
    found = CompiledNet(weights, len(x), functions, activation=name).forward(x)[0, 0]
    expected, _ = PLAIN_ACTIVATIONS[name].forward(x[:, 0].double())
    few = 3e-7 if dtype == torch.float32 else 1e-15
    assert ((found - expected).abs() <= few * x[:, 0].abs() + 1e-38).all()


def test_without_smoothing_members_keep_the_plain_loss() -> None:
    """To the bit, also beside members with it."""
    scores, y = torch.randn(3, 4, 11), torch.randint(0, 4, (11,))
    targets = one_hot(y.unsqueeze(0), 4, torch.float32)
    results = []
    for shares in ([0.0, 0.3, 0.3], [0.0, 0.0, 0.0]):
        dscores, total = scores.clone(), torch.zeros_like(scores)
        losses = LaneLoss.training([TrialConfig(label_smoothing=share) for share in shares], scores, 4)
        losses.apply(dscores, targets, total)
        results.append((dscores[0], total[0]))
    assert all(map(torch.equal, *results))
