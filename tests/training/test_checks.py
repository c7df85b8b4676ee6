"""The engine against the plain net, and proof that one wrong piece, of either, makes the check fail."""

import contextlib
from collections.abc import Callable, Sequence

import pytest
import torch
from host_kernels import change_source
from torch import Tensor

from fcsearch.nn import layers, losses
from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.nn.gradcheck import PLAIN_NET, Check
from fcsearch.nn.schedules import LR_SCHEDULES
from fcsearch.nn.update_rules import RULES as PLAIN_RULES
from fcsearch.training.checks import run_engine_checks
from fcsearch.training.checks.pieces import piece_checks
from fcsearch.training.checks.way import KERNELS, TORCH, Way
from fcsearch.training.checks.whole import Case, training_cases, training_checks
from fcsearch.training.engine import masks
from fcsearch.training.engine.losses import STACKED_LOSSES, LaneLoss
from fcsearch.training.engine.native import runs_compiled, without_kernels
from fcsearch.training.engine.passes import StackedNet
from fcsearch.training.engine.regularisation import L2Penalty, WeightDecay
from fcsearch.training.engine.rules import RULES

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return training_cases(CPU)


@pytest.fixture
def embedding(cases: list[Case]) -> Case:
    return next(case for case in cases if case.data.numbers)


@pytest.fixture
def small(cases: list[Case]) -> Case:
    return cases[0]


def failing(case: Case, arithmetic: str, dtype: torch.dtype = torch.float64) -> set[str]:
    way = Way(CPU, dtype, arithmetic)
    with without_kernels() if arithmetic == TORCH else contextlib.nullcontext():
        pieces = piece_checks(way) if arithmetic == TORCH else ()
        return {check.subject for check in (*pieces, *training_checks(case, way)) if not check.passed}


def test_the_engine_is_the_plain_net_in_every_way() -> None:
    threads = 2
    torch.set_num_threads(threads)
    checks = run_engine_checks(CPU)
    assert torch.get_num_threads() == threads
    assert [check for check in checks if not check.passed] == []
    torch.set_num_threads(1)
    ways = {TORCH, KERNELS} if runs_compiled(CPU, torch.float32) else {TORCH}
    assert {(c.arithmetic, c.reference) for c in checks} == {(w, r) for w in ways for r in PLAIN_NET.values()}
    assert {c.subject for c in checks} >= everything()


def everything() -> set[str]:
    """What must be compared: all that the plain net's tables have, and every other setting."""
    pieces = {f"{name} passes" for name in ACTIVATIONS} | {f"{name} passes, dropout" for name in ACTIVATIONS}
    pieces |= {f"{name} loss" for name in losses.LOSSES} | {f"{name} steps" for name in PLAIN_RULES}
    settings = {"L2", "weight decay", "dropout", "input dropout", "label smoothing", "large layers"}
    settings |= {*PLAIN_RULES, *(f"{name} rate" for name in LR_SCHEDULES)}
    settings |= {f"{name} loss" for name in losses.LOSSES}
    settings |= {*ACTIVATIONS, *(f"{name}, dropout" for name in ACTIVATIONS)} | {
        f"row weights, {name} loss" for name in losses.LOSSES
    }
    settings |= {"embedding", "embedding, dropout", "embedding, L2 and weight decay", "embedding, no hidden layer"}
    settings |= {f"embedding, {name}" for name in PLAIN_RULES}
    pieces |= {f"{name} loss, row weights" for name in losses.LOSSES}
    return pieces | {f"training, {name}" for name in settings}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; this machine has none")
def test_the_engine_is_the_plain_net_on_a_gpu() -> None:
    checks = run_engine_checks(torch.device("cuda"))
    assert [check for check in checks if not check.passed] == []
    assert {check.arithmetic for check in checks} >= {TORCH}


@pytest.mark.parametrize(
    ("right", "wrong", "subject"),
    [
        ("p[k] += rate * g[k];", "p[k] -= rate * g[k];", "sgd"),
        ("v[k] = keep * v[k] +", "v[k] = keep * v[k] -", "sgd_momentum"),
        ("c[k] += gained * (g[k]", "c[k] += gained * (-g[k]", "rmsprop"),
        ("m[k] += gained1 * (g[k] -", "m[k] += gained1 * (g[k] +", "adam"),
        ("h[k] <= 0 ? 0 : dh[k] * scale", "h[k] <= 0 ? 0 : dh[k]", "relu, dropout"),
        ("<= least ? 0 : a[k] * factor", "> least ? 0 : a[k] * factor", "input dropout"),
        ("? 0 : scale;", "? 0 : 1;", "relu, dropout"),
        ("(REAL)drawn[k] <= threshold", "(REAL)drawn[k] > threshold", "gelu, dropout"),
        ("return x <= 0 ? 0 : x;", "return x < 0 ? -x : x;", "relu"),
        ("*slope = x > 0 ? 1 : LEAK;", "*slope = 1;", "leaky_relu"),
        ("return x > 0 ? x : LEAK * x;", "return x;", "leaky_relu"),
        ("*slope = share + x * bell", "*slope = share - x * bell", "gelu"),
        ("x > 0 ? 1 - tail : tail", "1 - tail", "gelu"),
        ("below + SELU_FLOOR;", "below;", "selu"),
        ("x > 0 ? SELU_SCALE * x : below;", "x > 0 ? x : below;", "selu"),
        ("slopes[k] = slope * kept;", "slopes[k] = slope;", "selu, dropout"),
        ("activation, h[k] + bias[k], &slope", "activation, h[k], &slope", "sgd"),
        ("scores[c * N + n] += added;", "scores[c * N + n] += 0;", "sgd"),
        ("dw[k] += strength * w[k];", "dw[k] -= strength * w[k];", "L2"),
        ("w[k] *= kept;", "w[k] *= 1;", "weight decay"),
        ("* kept + spread;", "* kept;", "label smoothing"),
        ("violated[n]) *", "0) *", "svm loss"),
        ("if (biases && dout)", "if (0 && dout)", "sgd"),
    ],
)
@pytest.mark.usefixtures("_fresh_kernels")
def test_a_wrong_kernel_fails_and_only_by_kernels(
    small: Case, right: str, wrong: str, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than once where rules share it: nadam's moments are adam's.
    assert change_source(monkeypatch, right, wrong) >= 1
    assert f"training, {subject}" in failing(small, KERNELS)
    assert failing(small, TORCH) == set()


@pytest.mark.parametrize(
    ("right", "wrong", "subject"),
    [
        ("half - part : part", "part - half : part", "embedding, frequency scale"),
        ("p * q - (REAL)1.6666666666666666667e-1", "p * q - (REAL)1.67e-1", "embedding"),
        ("row[k] + b[k]", "row[k]", "embedding"),
        ("x[P + k]", "x[k]", "embedding, no hidden layer"),
        ("- dcosines[k] * sines[k]", "+ dcosines[k] * sines[k]", "embedding, one frequency"),
        ("d[k] * scale", "d[k]", "embedding, dropout"),
        ("hold_down(p, p->rest, l->drest, l->regularised);", "", "embedding, L2 and weight decay"),
    ],
)
@pytest.mark.usefixtures("_fresh_kernels")
def test_a_wrong_embedding_in_c_fails(
    embedding: Case, right: str, wrong: str, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert change_source(monkeypatch, right, wrong) == 1
    assert f"training, {subject}" in failing(embedding, KERNELS)


@pytest.mark.parametrize("name", ["cos", "sin"])
def test_a_wrong_embedding_by_torch_fails_and_only_by_torch(
    embedding: Case, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(torch, name)
    monkeypatch.setattr(torch, name, lambda phases, **out: right(2 * phases, **out))
    assert "training, embedding" in failing(embedding, TORCH)
    if runs_compiled(CPU, torch.float64):
        assert failing(embedding, KERNELS) == set()


@pytest.mark.parametrize(
    ("right", "wrong", "subject"),
    [
        ("1 / (1 + 0.35f * z)", "1 / (1 + 0.36f * z)", "gelu"),
        ("p * t + 0.143873885f", "p * t + 0.15f", "gelu"),
        ("return (rest + 1) * power;", "return rest + 1;", "gelu"),
        ("return rest * power + (power - 1);", "return rest + (power - 1);", "selu"),
    ],
)
@pytest.mark.usefixtures("_fresh_kernels")
def test_a_wrong_exponential_of_single_precision_fails_there_alone(
    small: Case, right: str, wrong: str, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert change_source(monkeypatch, right, wrong) == 1
    assert f"training, {subject}" in failing(small, KERNELS, torch.float32)
    assert failing(small, KERNELS, torch.float64) == set()


def _negated(function: Callable[..., None]) -> Callable[..., None]:
    """An update with the gradient's sign turned."""
    return staticmethod(lambda w, dw, *rest: function(w, -dw, *rest))


@pytest.mark.parametrize("name", RULES)
def test_a_wrong_update_by_torch_fails_and_only_by_torch(
    small: Case, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RULES[name], "update", _negated(RULES[name].update))
    assert failing(small, TORCH) >= {f"{name} steps", f"training, {name}"}
    if runs_compiled(CPU, torch.float64):
        assert failing(small, KERNELS) == set()


def _doubled_loss(name: str) -> Callable[..., None]:
    right = STACKED_LOSSES[name]

    def wrong(scores: Tensor, targets: Tensor, total: Tensor, **settings: Tensor) -> None:
        right(scores, targets, total, **settings)
        scores.mul_(2)

    return wrong


@pytest.mark.parametrize("name", STACKED_LOSSES)
def test_a_wrong_loss_fails(cases: list[Case], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STACKED_LOSSES, name, _doubled_loss(name))
    found = failing(cases[2 if name in losses.REGRESSION_LOSSES else 0], TORCH)
    assert found >= {f"{name} loss", f"training, {name} loss"}
    assert not {f"{other} loss" for other in STACKED_LOSSES if other != name} & found


def test_weights_that_do_not_reach_the_gradient_fail(cases: list[Case], monkeypatch: pytest.MonkeyPatch) -> None:
    right = LaneLoss.apply

    def wrong(
        loss: LaneLoss, scores: Tensor, targets: Tensor, total: Tensor, row_weights: Tensor | None = None
    ) -> None:
        unweighted = scores.clone()
        right(loss, unweighted, targets, torch.zeros_like(total))
        right(loss, scores, targets, total, row_weights)
        scores.copy_(unweighted)

    monkeypatch.setattr(LaneLoss, "apply", wrong)
    weighted = next(case for case in cases if case.data.row_weights is not None)
    found = failing(weighted, TORCH)
    assert found >= {"softmax loss, row weights", "squared loss, row weights", "training, row weights, softmax loss"}
    assert failing(cases[0], TORCH) == {subject for subject in found if subject.endswith("loss, row weights")}


def _nothing(*_: object) -> None:
    return None


@pytest.mark.parametrize(
    ("owner", "method", "subject"),
    [
        (L2Penalty, "add", "training, L2"),
        (WeightDecay, "shrink", "training, weight decay"),
        (StackedNet, "backward", "relu passes"),
        (masks.RandomBits, "start_epoch", "training, dropout"),
    ],
)
def test_a_piece_that_does_nothing_fails(
    small: Case, owner: type, method: str, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, _nothing)
    assert subject in failing(small, TORCH)


@pytest.mark.parametrize(("module", "subject"), [("inputs", "input dropout"), ("activations", "dropout")])
def test_a_wrong_scale_of_dropout_fails(
    small: Case, module: str, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = masks.thresholds_and_scales

    def wrong(rates: Sequence[float], like: Tensor) -> tuple[Tensor, Tensor]:
        thresholds, scales = right(rates, like)
        return thresholds, scales.reciprocal()

    monkeypatch.setattr(f"fcsearch.training.engine.{module}.thresholds_and_scales", wrong)
    assert f"training, {subject}" in failing(small, TORCH)


def test_a_wrong_plain_net_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    right = layers.Linear.backward_params
    monkeypatch.setattr(layers.Linear, "backward_params", staticmethod(lambda d, c: (-right(d, c)[0], right(d, c)[1])))
    failed: list[Check] = [check for check in run_engine_checks(CPU) if not check.passed]
    assert {check.subject for check in failed} >= {"relu passes", "training, adam", "training, no hidden layer"}


def test_an_engine_that_is_off_in_single_precision_alone_fails(small: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    right = StackedNet.forward

    def rounded(net: StackedNet, x: Tensor) -> Tensor:
        scores = right(net, x)
        return scores if scores.dtype == torch.float64 else scores.copy_(scores.bfloat16())

    monkeypatch.setattr(StackedNet, "forward", rounded)
    assert failing(small, TORCH) == set()
    assert "relu passes" in failing(small, TORCH, torch.float32)
