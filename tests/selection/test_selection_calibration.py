"""A temperature makes probabilities fit the validation rows, and changes no predicted class."""

import dataclasses

import pytest
import torch
from torch import Tensor

from fcsearch.errors import RunError
from fcsearch.selection.calibration import KEY, Calibration, read_calibration
from fcsearch.selection.temperature import fit_temperature, mixed


def rows(count: int = 4000, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Scores that mean what they say, and classes drawn by them."""
    generator = torch.Generator().manual_seed(0)
    scores = 2 * torch.randn(count, classes, generator=generator, dtype=torch.float64)
    return scores, torch.multinomial(torch.softmax(scores, 1), 1, generator=generator)[:, 0]


@pytest.mark.parametrize("factor", [0.3, 1.5, 4.0])
def test_scores_that_are_too_sure_or_not_sure_enough_are_put_right(factor: float) -> None:
    scores, y = rows()
    found = fit_temperature(factor * scores, y)
    assert found.temperature == pytest.approx(factor, rel=0.1)
    assert found.rows == 4000
    assert found.log_loss_before == pytest.approx(float(torch.nn.functional.cross_entropy(factor * scores, y)))
    assert found.log_loss_after < found.log_loss_before
    # No temperature near it is better.
    for other in (0.95, 1.05):
        near = factor * scores / (found.temperature * other)
        assert float(torch.nn.functional.cross_entropy(near, y)) > found.log_loss_after


def test_log_probabilities_do_as_well_as_scores() -> None:
    scores, y = rows()
    whole, logs = (fit_temperature(values, y) for values in (3 * scores, torch.log_softmax(3 * scores, 1)))
    assert logs.temperature == pytest.approx(whole.temperature)


def test_rows_without_a_mistake_are_not_taken_for_certainty() -> None:
    y = torch.arange(60) % 3
    found = fit_temperature(torch.nn.functional.one_hot(y, 3).double(), y)
    # One row in 62 may be of any class: each wrong one has 1 / 186.
    assert torch.softmax(torch.tensor([1.0, 0, 0]) / found.temperature, 0)[1] == pytest.approx(1 / 186, rel=1e-3)


def test_it_is_1_where_none_helps_and_has_a_bound() -> None:
    assert fit_temperature(torch.zeros(30, 3, dtype=torch.float64), torch.arange(30) % 3).temperature == 1
    scores = torch.full((30, 2), -2000.0, dtype=torch.float64)
    scores[:, 0] = 0
    # Scores of full certainty that are wrong half of the time: the temperature ends at its bound.
    assert fit_temperature(scores, torch.arange(30) % 2).temperature == pytest.approx(20)


def test_the_mean_of_several_models() -> None:
    parts = [torch.log_softmax(torch.randn(9, 4, dtype=torch.float64), 1) for _ in range(2)]
    wanted = 0.25 * parts[0].exp() + 0.75 * parts[1].exp()
    torch.testing.assert_close(mixed(parts, [0.25, 0.75]).exp(), wanted)


def test_what_is_kept_is_read_and_damage_is_named() -> None:
    found = Calibration(1.5, 30, 0.4, 0.3)
    facts = {KEY: dataclasses.asdict(found)}
    assert read_calibration(facts, where="here") == found
    assert read_calibration({}, where="here") is None
    for damaged in ({}, "1.5", {**facts[KEY], "temperature": -1}, {**facts[KEY], "temperature": "hot"}):
        with pytest.raises(RunError, match="here must hold a temperature above 0"):
            read_calibration({KEY: damaged}, where="here")
