"""Searches replayed on tables of learning curves: what the figures of docs/search.md rest on."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fcsearch.search.pool.asha import Asha, Rungs
from fcsearch.space import SamplerSpec, SearchSpace

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "experiments")]
curve_table, peer, search, ways = map(
    importlib.import_module, ("curve_table", "replayed_peer", "replayed_search", "ways")
)

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "update_rule": {"choices": ["sgd_momentum", "adam"]},
    "momentum": {"low": 0.8, "high": 0.99},
    "epochs": {"choices": [9, 18]},
}
ROWS = 60


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose figures follow from the learning rate; one row diverges in its third epoch."""
    space = SearchSpace.from_mapping({"parameters": PARAMETERS})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    values = [space.suggest(study.ask()) for _ in range(ROWS)]
    curves = [[round(worth(v) * (1 - 0.8**e), 5) for e in range(1, v["epochs"] + 1)] for v in values]
    curves[0] = curves[0][:2]
    columns = {name: [v.get(name) for v in values] for name in PARAMETERS}
    table = pa.table({**columns, "val": pa.array(curves, pa.list_(pa.float32())), "seconds": [0.01] * ROWS})
    file = tmp_path_factory.mktemp("curves") / "made-up.parquet"
    pq.write_table(table.replace_schema_metadata({"curves": json.dumps({"space": space.to_json()})}), file)
    return file


@pytest.fixture(scope="module")
def table(path: Path) -> Any:
    return curve_table.CurveTable(path)


def worth(values: dict[str, Any]) -> float:
    return float(1 - abs(np.log10(values["learning_rate"]) + 2) / 3)


def test_what_is_in_the_table_is_its_own_nearest_row_and_is_had_once(table: Any) -> None:
    used = np.zeros(ROWS, dtype=bool)
    assert [table.nearest(values, used) for values in table.values] == list(range(ROWS))
    used[5] = True
    other = table.nearest(table.values[5], used)
    assert other != 5
    assert abs(worth(table.values[other]) - worth(table.values[5])) < 0.2
    assert table.row(table.values[7]) == 7


def test_a_search_repeats_and_early_stopping_gets_through_more_trials(table: Any) -> None:
    def course(rule: Asha | None) -> Any:
        way = search.Way(SamplerSpec("tpe", {"n_startup_trials": 4}), lambda: Rungs(rule) if rule else None, pack=3)
        return search.replay(way, table, seconds=0.7, seed=1)

    stopped, again, whole = course(Asha(3, 3)), course(Asha(3, 3)), course(None)
    assert (stopped.times, stopped.gains) == (again.times, again.gains)
    assert stopped.trials > 1.5 * whole.trials > 4
    assert list(stopped.gains) == sorted(set(stopped.gains))
    assert stopped.at(0.0) == -np.inf
    assert stopped.at(0.7) == stopped.gains[-1] <= table.best


def test_a_search_with_time_enough_finds_the_best_row(table: Any) -> None:
    for way in ("today", "random"):
        course = ways.WAYS[way].course(table, 100.0, 0, ())
        assert course.trials == ROWS
        assert course.gains[-1] == table.best


def test_optuna_alone_goes_through_the_table_too(table: Any) -> None:
    course = ways.WAYS["optuna-asha"].course(table, 100.0, 0, ())
    assert course.trials == ROWS
    assert course.gains[-1] >= table.best - 0.05
    assert course.times[-1] < ROWS * 18 * 0.01


def test_a_trial_that_diverges_is_worth_what_it_had(table: Any) -> None:
    assert table.gain(0) == max(table.curves[0])
    assert len(table.curves[0]) == 2


def test_rungs_that_know_the_schedule() -> None:
    shares = ways.Shares(1, 3)
    assert [(e, shares.rung(e, 30)) for e in range(1, 30) if shares.rung(e, 30)] == [(1, 3), (3, 2), (10, 1)]
    assert [(e, shares.rung(e, 9)) for e in range(1, 9) if shares.rung(e, 9)] == [(1, 2), (3, 1)]
    lengths = ways.Lengths(3, 3)
    assert lengths.rung(3, 10) != lengths.rung(3, 20)
    assert lengths.rung(4, 10) is None


def test_a_portfolio_holds_what_did_best_elsewhere(table: Any) -> None:
    best = max(range(ROWS), key=table.gain)
    assert ways.portfolio(table, [table, table], 1) == [best]
    assert ways.portfolio(table, [], 3) == []
