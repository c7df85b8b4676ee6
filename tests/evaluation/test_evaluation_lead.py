"""A lead over the baseline is judged on the same rows: paired row by row, or by the orders that chance makes."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data.dataset import Split
from fcsearch.evaluation import Measurement, base_line, base_line_of_targets
from fcsearch.evaluation.lead import Lead
from fcsearch.evaluation.measuring import measurement_of, with_lead
from fcsearch.evaluation.orders import DEALT, figures_of_orders, orders_of, thinned
from fcsearch.evaluation.significance import _base_scores, _by_row, _share, _tail, lead_of
from fcsearch.training.objectives import FIGURES, Truth

RNG = np.random.default_rng(0)


def judged(objective: str, scores: Tensor, y: Tensor, classes: int = 0) -> Measurement:
    """Scores (C, V) measured."""
    truth, known = Truth(y, classes), scores.double().unsqueeze(0)
    rows, names = Split(np.zeros((len(y), 1), np.float32), y.numpy()), [str(label) for label in range(classes)]
    found = measurement_of(known, rows, truth, OBJECTIVES[objective], names, split_name="val", fingerprint="f")
    return with_lead(found, [(known, truth)])


def two_classes(margin: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(margin), margin])


def test_errors_with_heavy_tails_are_compared_row_by_row() -> None:
    y = torch.from_numpy(RNG.normal(size=600) * 3)
    y[::50] += 60
    # It knows all but the outliers, whose errors are as large with or without it.
    clean = y.clone()
    clean[::50] -= 60
    found = judged("mae", (clean + 2.5 * torch.from_numpy(RNG.normal(size=600))).unsqueeze(0), y)
    assert found.base_line.value - found.value < 2 * found.standard_error  # its own error hides the lead
    assert found.lead.is_real
    assert found.lead.error is not None
    # Far more than the two that are asked for.
    assert found.lead.gain > 5 * found.lead.error


@pytest.mark.parametrize("objective", ["rmse", "mae", "r2"])
def test_the_paired_error_is_the_spread_of_the_difference_over_new_rows(objective: str) -> None:
    gains, errors = [], []
    for _ in range(300):
        y = torch.from_numpy(RNG.normal(size=200))
        found = judged(objective, (0.05 * y + 0.1 * torch.from_numpy(RNG.normal(size=200))).unsqueeze(0), y)
        assert found.lead.error is not None
        gains.append(found.lead.gain)
        errors.append(found.lead.error)
    assert np.mean(errors) == pytest.approx(np.std(gains), rel=0.35)


def test_accuracy_is_compared_as_by_mcnemar() -> None:
    y = torch.tensor([0] * 90 + [1] * 10)
    said = y.clone()
    said[90:94] = 0  # 4 of 10 missed, 6 found, and no false alarm
    found = judged("accuracy", torch.nn.functional.one_hot(said, 2).T, y, 2).lead
    assert found.gain == pytest.approx(0.06)
    assert found.error == pytest.approx(math.sqrt(0.06 / 100))  # as far as chance alone explains 6 rows
    assert found.is_real


def test_log_loss_is_compared_row_by_row() -> None:
    y = torch.from_numpy(RNG.integers(0, 2, 400))
    margin = torch.from_numpy(RNG.normal(size=400))
    right = judged("log_loss", two_classes(margin + 3 * (2 * y - 1)), y, 2).lead
    noise = judged("log_loss", two_classes(margin), y, 2).lead
    assert (right.is_real, noise.is_real) == (True, False)


def rare(strength: float) -> tuple[Tensor, Tensor]:
    """Scores and classes: 8 positive rows of 459, above the others by this many standard deviations."""
    rng = np.random.default_rng(3)
    y = torch.zeros(459, dtype=torch.int64)
    y[:8] = 1
    return two_classes(torch.from_numpy(rng.normal(size=459)) + strength * y), y


@pytest.mark.parametrize("objective", ["average_precision", "roc_auc", "balanced_accuracy", "f1_macro"])
def test_a_ranking_is_compared_with_random_orders(objective: str) -> None:
    scores, y = rare(2.0)
    scores[1] -= 1.5  # so that some rows are taken for either class
    found = judged(objective, scores, y, 2)
    assert found.lead.chance is not None
    assert found.lead.chance < 0.01
    assert found.lead.is_real
    assert judged(objective, rare(0.0)[0], y, 2).lead != found.lead
    same = torch.zeros_like(scores)
    constant = judged(objective, same, y, 2).lead
    assert not constant.is_real


def test_average_precision_of_few_positives_is_not_hidden_by_its_own_error() -> None:
    scores, y = rare(1.6)
    found = judged("average_precision", scores, y, 2)
    assert found.value - found.base_line.value < 2 * found.standard_error
    assert found.lead.is_real


def test_the_share_of_orders_is_that_of_mann_and_whitney() -> None:
    scores, y = rare(0.5)
    found = judged("roc_auc", scores, y, 2)
    z = (found.value - 0.5) / math.sqrt(460 / (12 * 8 * 451))
    assert found.lead.chance == pytest.approx(0.5 * math.erfc(z / math.sqrt(2)), abs=0.05)


@pytest.mark.parametrize("counts", [(451, 8), (30, 20, 10)])
def test_the_baseline_of_average_precision_is_that_of_random_orders(counts: tuple[int, ...]) -> None:
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    truth = Truth(y, len(counts), positive=1)
    torch.manual_seed(0)
    drawn = torch.rand(2000, len(counts), len(y), dtype=torch.float64)
    found = FIGURES["average_precision"](drawn, truth)
    expected = base_line([str(label) for label in range(len(counts))], counts, "average_precision").value
    assert expected == pytest.approx(float(found.mean()), abs=4 * float(found.std()) / math.sqrt(2000))
    if len(counts) == 2:
        assert expected == pytest.approx(0.0297, abs=5e-4)  # not the share, 0.0174


def test_folds_have_one_answer_and_independent_errors() -> None:
    parts = [
        (torch.from_numpy(RNG.normal(size=(1, 1, 50))), Truth(torch.from_numpy(RNG.normal(size=50)), 0))
        for _ in range(4)
    ]
    alone = [lead_of("mae", 0.1, [part]).error for part in parts]
    together = lead_of("mae", 0.1, parts).error
    assert together == pytest.approx(math.sqrt(sum(error**2 for error in alone if error)) / 4, rel=0.3)


def test_where_two_standard_errors_and_one_order_of_forty_end() -> None:
    assert Lead(0.21, 0.1).is_real
    assert not Lead(0.19, 0.1).is_real
    assert Lead(0.1, chance=0.025).is_real
    assert not Lead(0.1, chance=0.03).is_real
    assert not Lead(-0.1, chance=0.001).is_real


def test_the_best_of_many_must_lead_by_more() -> None:
    assert Lead(0.3, 0.1).is_real_among(10)
    assert not Lead(0.3, 0.1).is_real_among(100)
    assert Lead(0.1, chance=0.0002).is_real_among(100)
    assert not Lead(0.1, chance=0.0003).is_real_among(100)


def test_the_curve_through_the_orders_is_pearsons() -> None:
    drawn = np.random.default_rng(0).gamma(3, size=50_000) - 3
    assert _tail(drawn - np.quantile(drawn, 0.9)) == pytest.approx(0.1, abs=0.01)
    # Further out a normal distribution would have 0.0008.
    assert _tail(drawn - np.quantile(drawn, 0.99)) == pytest.approx(0.01, rel=0.3)


def test_a_gain_beyond_all_orders_skewed_to_the_left_keeps_a_chance() -> None:
    gains = -np.random.default_rng(0).gamma(3, size=500)
    # Pearson's curve would end here, and leave none.
    far = gains.mean() + 4 * gains.std()
    assert _tail(gains - far) == pytest.approx(0.5 * math.erfc(4 / math.sqrt(2)))


@pytest.mark.parametrize("seed", range(10))
def test_orders_that_happen_to_be_skewed_to_the_left_let_chance_lead_no_more_often(seed: int) -> None:
    truth = Truth((torch.arange(20_000) < 10_000).long(), 2)
    scores = torch.from_numpy(np.random.default_rng(4).normal(size=(1, 2, 20_000)))
    orders = orders_of("roc_auc", [truth])
    assert orders == 500
    found = figures_of_orders("roc_auc", scores, truth, orders, np.random.default_rng(seed))[1]
    # As Mann and Whitney have it, the ROC AUC of random scores is normal about a half.
    error = math.sqrt(20_001 / (12 * 10_000**2))
    least = next(
        z for z in np.linspace(2, 6, 401) if Lead(1, chance=_share(found - 0.5 - z * error)).is_real_among(100)
    )
    assert 100 * math.erfc(least / math.sqrt(2)) / 2 < 0.025


@pytest.mark.parametrize(
    ("objective", "counts"),
    [("roc_auc", (451, 8)), ("average_precision", (451, 8)), ("f1_macro", (270, 30))],
)
def test_chance_leads_as_the_best_of_many_hardly_more_often_than_it_may(
    objective: str, counts: tuple[int, int]
) -> None:
    rng = np.random.default_rng(4)
    y = torch.repeat_interleave(torch.arange(2), torch.tensor(counts))
    margin = torch.from_numpy(rng.normal(size=len(y)))
    scores, truth = two_classes(margin - margin.quantile(counts[0] / len(y))).unsqueeze(0), Truth(y, 2)
    orders = orders_of(objective, [truth])
    # Under chance alone the figure found is one more random order.
    found = figures_of_orders(objective, scores, truth, 10_000, rng)[1]
    leads = 0
    for _ in range(4):
        others = figures_of_orders(objective, scores, truth, orders, rng)[1]
        chances = {value: _share(others - value) for value in np.sort(np.unique(found))[-400:]}
        leads += sum(Lead(1.0, chance=chances.get(value, 1.0)).is_real_among(25) for value in found)
    # 1 of 1,000 is due, and Poisson's chance of more than twice as many, 80, is less than 1 in a million.
    assert leads <= 80


@pytest.mark.parametrize("counts", [(70, 30), (30, 70), (30, 50, 20, 0)])
@pytest.mark.parametrize("objective", DEALT)
def test_figures_of_orders_are_those_of_the_objective(objective: str, counts: tuple[int, ...]) -> None:
    rng, classes = np.random.default_rng(1), len(counts)
    y = torch.repeat_interleave(torch.arange(classes), torch.tensor(counts))
    y = y[torch.from_numpy(rng.permutation(len(y)))]
    # Rounded, so that some are equal.
    scores = torch.from_numpy(rng.normal(size=(1, classes, len(y)))).round(decimals=1)
    truth = Truth(y, classes, positive=1)
    figure, others = figures_of_orders(objective, scores, truth, 2000, rng)
    assert figure == pytest.approx(float(FIGURES[objective](scores, truth)), abs=1e-12)
    shuffled = [Truth(y[torch.from_numpy(rng.permutation(len(y)))], classes, positive=1) for _ in range(300)]
    expected = np.array([float(FIGURES[objective](scores, other)) for other in shuffled])
    assert others.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / math.sqrt(300))
    assert others.std() == pytest.approx(expected.std(), rel=0.25)
    assert len(others) == 2000


def test_there_are_as_many_orders_as_the_rarer_classes_allow() -> None:
    few, half = (Truth((torch.arange(20_000) < rows).long(), 2) for rows in (20, 10_000))
    assert orders_of("roc_auc", [few]) == 10_000
    assert orders_of("roc_auc", [half]) == 500
    assert orders_of("average_precision", [Truth(1 - few.y, 2)]) == 500  # its positive rows are the many
    assert orders_of("roc_auc", [Truth((torch.arange(2_000) < 1_000).long(), 2)] * 2) == 2_500


@pytest.mark.parametrize("objective", ["accuracy", "log_loss", "rmse", "mae", "r2"])
def test_the_rows_are_compared_with_the_answers_of_the_baseline(objective: str) -> None:
    rng = np.random.default_rng(2)
    if OBJECTIVES[objective].task == "regression":
        y = torch.from_numpy(rng.gamma(1, size=51))
        truth, base = Truth(y, 0), base_line_of_targets(y.numpy(), objective).value
    else:
        truth, base = Truth(torch.tensor([0] * 5 + [1] * 20 + [2] * 3), 3), 0.0
        base = base_line(("a", "b", "c"), (5, 20, 3), objective).value
    found = float(_by_row(objective, _base_scores(objective, [(torch.empty(0), truth)]), truth).mean())
    found = {"rmse": math.sqrt(found), "r2": 1 - found / float(truth.y.double().var(correction=0))}.get(
        objective, found
    )
    assert found == pytest.approx(base, abs=1e-12)


def test_many_rows_are_thinned_but_no_rare_class() -> None:
    rng = np.random.default_rng(0)
    y = torch.from_numpy((rng.random(50_000) < 0.004).astype(np.int64))
    scores = two_classes(torch.from_numpy(rng.normal(size=50_000))).unsqueeze(0)
    left, truth = thinned(scores, Truth(y, 2), 20_000, rng)
    assert left.shape == (1, 2, 20_000)
    assert truth.y.sum() == y.sum()
    assert set(left[0, 1, truth.y == 1].tolist()) == set(scores[0, 1, y == 1].tolist())
    few, equal = thinned(scores, Truth(y, 2), 300, rng)
    assert few.shape[2] == len(equal.y) == 300
    assert equal.y.sum() == 150


def test_no_order_of_many_rows_is_measured_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def figures(objective: str, scores: Tensor, truth: Truth, orders: int, rng: np.random.Generator) -> object:
        seen.append((scores.shape[2], orders))
        return figures_of_orders(objective, scores, truth, orders, rng)

    monkeypatch.setattr("fcsearch.evaluation.significance.figures_of_orders", figures)
    y = torch.arange(120_000) % 10
    scores = torch.nn.functional.one_hot(y, 10).T.double().unsqueeze(0)
    assert lead_of("balanced_accuracy", 0.1, [(scores, Truth(y, 10))]).is_real
    assert seen == [(20_000, 500)]
    lead_of("balanced_accuracy", 0.1, [(scores[..., :15_000], Truth(y[:15_000], 10))] * 2)
    assert seen[1:] == [(10_000, 500)] * 2
