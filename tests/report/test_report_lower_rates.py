"""The next space where all trials diverged."""

from pathlib import Path
from typing import Any

import pytest
from synthetic_run import SPACE, digits, manifest

from fcsearch.config import TrialConfig
from fcsearch.report import write_report
from fcsearch.report.moves import lower_rates
from fcsearch.report.next_space import NEXT_SPACE, with_lower_rates
from fcsearch.results import RunDirectory
from fcsearch.space import SearchSpace, load_space


@pytest.mark.parametrize(
    ("sampler", "searched"),
    [
        ("tpe", {"low": 1e-2, "high": 1.0, "log": True}),
        *((sampler, searched) for sampler in ("tpe", "grid") for searched in ({"choices": [0.5, 5.0]}, 0.5, None)),
    ],
)
def test_where_all_diverged_it_has_lower_learning_rates(tmp_path: Path, sampler: str, searched: Any) -> None:
    parameters = {"epochs": 3, "hidden_dim": {"choices": [8, 16]}}
    parameters |= {} if searched is None else {"learning_rate": searched}
    space = SearchSpace.from_mapping({"sampler": sampler, "trials": 2, "parameters": parameters, "dataset": "digits"})
    run = RunDirectory.create(tmp_path / "run", manifest("run", space=space.to_json(), state="failed"))
    config = {**TrialConfig().parameters(), "learning_rate": 0.4}
    rows = [{**config, "trial_id": number, "state": "diverged", "seed": 0} for number in (0, 1)]
    run.write_pack(0, rows, [])
    write_report(run, dataset=digits())
    text = (run.path / NEXT_SPACE).read_text()
    assert "# All 2 trials diverged, with learning rates down to 0.4." in text
    assert "--from" not in text
    assert NEXT_SPACE in (run.path / "report.html").read_text()
    found = load_space(run.path / NEXT_SPACE)
    rates = found.parameters["learning_rate"].to_json()
    assert rates == ({"choices": [1e-3, 1e-2, 0.1]} if sampler == "grid" else {"low": 1e-3, "high": 0.1, "log": True})
    # A grid is searched whole where it was before.
    assert found.trials == (6 if sampler == "grid" and not isinstance(searched, dict) else 5)
    assert found.parameters["hidden_dim"] == space.parameters["hidden_dim"]
    # One that only failed has nothing to do with the learning rate.
    run.write_pack(1, [{**config, "trial_id": 2, "state": "failed", "seed": 0}], [])
    write_report(run, dataset=digits())
    assert not (run.path / NEXT_SPACE).exists()


@pytest.mark.parametrize(
    ("tried", "rates"),
    [
        (1e5, (1e-3, 0.1)),
        (0.4, (1e-3, 0.1)),
        (0.1, (3.3e-4, 0.033)),
        (1e-3, (1e-5, 3.3e-4)),
        (1e-4, (1e-5, 3.3e-5)),
        (9.9e-5, None),
        (1e-6, None),
    ],
)
def test_lower_rates_are_those_that_networks_learn_with(tried: float, rates: tuple[float, float] | None) -> None:
    assert lower_rates(tried) == rates


def test_where_all_diverged_at_rates_that_cannot_be_lower_nothing_is_written(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", manifest("run", space=SPACE, state="failed"))
    config = {**TrialConfig().parameters(), "learning_rate": 1e-6}
    run.write_pack(0, [{**config, "trial_id": 0, "state": "diverged", "seed": 0}], [])
    report = write_report(run, dataset=digits())
    assert not (run.path / NEXT_SPACE).exists()
    assert "The trial diverged, with learning rates down to 1e-06; networks hardly learn with lower ones" in " ".join(
        report.trust.remarks
    )


def test_a_space_with_a_condition_on_the_learning_rate_has_none_with_lower_ones() -> None:
    parameters = {"learning_rate": {"choices": [0.4, 0.5]}, "reg": {"value": 1.0, "when": {"learning_rate": 0.5}}}
    assert with_lower_rates(SearchSpace.from_mapping({"parameters": parameters}), 0.4) is None
