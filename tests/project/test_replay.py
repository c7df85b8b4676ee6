"""Searches replayed on tables of learning curves: what the figures of docs/search.md rest on."""

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
sys.path[:0] = [str(ROOT / "benchmarks")]
curve_table, joins, portfolio, replay, search, ways = map(
    importlib.import_module, ("curve_table", "replayed_joins", "portfolio", "replay", "replayed_search", "ways")
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
    facts = {"space": space.to_json(), "rows": {"train": 1000}}
    file = tmp_path_factory.mktemp("curves") / "made-up.parquet"
    pq.write_table(table.replace_schema_metadata({"curves": json.dumps(facts)}), file)
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


def test_packs_epoch_by_epoch_give_what_the_loop_gives(table: Any) -> None:
    way = search.Way(SamplerSpec("tpe", {"n_startup_trials": 40}), lambda: Rungs(Asha(3, 3)), pack=3)
    loop = search.replay(way, table, seconds=100.0, seed=1)
    found = joins.replay_joins(way, joins.Joining(), joins.Core(), table, seconds=100.0, seed=1)
    assert [found.at(time + 1e-9) for time in loop.times] == list(loop.gains)
    assert (found.trials, found.gains[-1]) == (loop.trials, loop.gains[-1])


class Free:
    """A device on which company costs nothing."""

    workers = 1
    asking = 0.0

    def seconds(self, *_: Any) -> float:
        return 1.0


def test_places_that_are_filled_at_once_lead_to_more_trials_where_company_is_free(table: Any) -> None:
    def course(how: Any, seconds: float) -> Any:
        way = search.Way(SamplerSpec("random"), lambda: Rungs(Asha(3, 3)), pack=6)
        return joins.replay_joins(way, how, Free(), table, seconds=seconds, seed=0)

    joining, packs = joins.Joining(1, early=True, ahead=False), joins.Joining()
    assert course(joining, 40.0).trials > 1.3 * course(packs, 40.0).trials
    found = course(joining, 1000.0)
    assert found.trials == ROWS
    assert found.gains[-1] == table.best


def test_on_a_gpu_those_who_join_are_lanes_of_their_own(table: Any) -> None:
    gpu = joins.Gpu(capture=0.0)

    def seconds(groups: int) -> float:
        members = [
            joins.Member(joins.PlannedTrial(row, table.configs[1]), row, row % groups, epoch=1) for row in range(12)
        ]
        return float(gpu.seconds(table, members, 0, []))

    assert seconds(12) > 2 * seconds(1)
    assert joins.undisturbed(joins.Gpu(), table, packs=2) > joins.undisturbed(gpu, table, packs=2)


def test_a_sampler_hears_of_members_before_their_pack_ends(table: Any) -> None:
    way = search.Way(SamplerSpec("random"), lambda: Rungs(Asha(3, 3)), pack=12)
    first = [
        joins.replay_joins(way, joins.Joining(early=early), joins.Core(), table, seconds=10.0, seed=0).times[0]
        for early in (True, False)
    ]
    assert first[0] < first[1]


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


def test_a_curve_that_is_a_power_law_points_to_its_end() -> None:
    curve = [1 - 0.5 * epoch**-0.6 for epoch in range(1, 28)]
    assert ways.pointed(curve[:9], 27) == pytest.approx(curve[26])
    assert ways.pointed(curve[:9], 9) == curve[8]
    assert curve[2] < ways.pointed(curve[:3], 27) < 1
    assert ways.pointed([0.5, 0.6], 27) == 0.6
    assert ways.pointed([0.5] * 9, 27) == 0.5


def test_trials_are_judged_by_where_they_point() -> None:
    rungs = ways.Extrapolated(Asha(3, 2))
    # The second is behind, and gains more with every epoch.
    curves = {0: [0.70, 0.71, 0.72], 1: [0.50, 0.60, 0.70], 2: [0.60, 0.60, 0.60]}
    left = [
        rungs.judge(epoch, {m: search.Standing(curve[epoch - 1], 27) for m, curve in curves.items()})
        for epoch in (1, 2, 3)
    ]
    assert left == [[], [], [0, 2]]
    learned = ways.Extrapolated(Asha(3, 2))
    for curve in curves.values():
        learned.learn(dict(enumerate(curve, 1)), epochs=27)
    assert learned.values() == rungs.values()


def test_the_document_says_what_the_courses_say() -> None:
    courses = replay.read(replay.FILE)
    made: dict[str, str] = {}
    for group in ways.GROUPS:
        names = replay.tables_of(group)
        known = {name: curve_table.CurveTable(replay.FOLDER / f"{name}.parquet") for name in names}
        made |= replay.text_of(group, known, courses)
    text = replay.DOCUMENT.read_text("utf-8")
    assert replay.insert(text, made) == (text, [])


def test_courses_are_those_of_ways_that_are_there() -> None:
    assert {way for _, way, _ in replay.read(replay.FILE)} == {way for group in ways.GROUPS.values() for way in group}


def test_hyperband_draws_the_same_brackets_again(table: Any) -> None:
    first, again = (ways.WAYS["optuna-hyperband"].course(table, 2.0, 0, ()) for _ in range(2))
    assert first == again


def test_a_portfolio_takes_what_gains_most_for_its_time_and_then_what_others_lack() -> None:
    class Made:
        def __init__(self, gains: list[float], seconds: list[float]) -> None:
            self.curves, self.seconds = [[gain] for gain in gains], seconds

        def __len__(self) -> int:
            return len(self.curves)

        def gain(self, row: int) -> float:
            return self.curves[row][0]

    one, other = Made([0.5, 0.9, 1.0, 0.5, 0.4], [1.0] * 5), Made([0.5, 0.9, 0.3, 1.0, 0.4, 2.0], [1.0] * 6)
    assert portfolio.portfolio([one, other], 3) == [1, 2, 3]
    assert portfolio.portfolio([one], 1) == [2]
    dear = Made([0.5, 0.9, 1.0, 0.5, 0.4], [1.0, 1.0, 5.0, 1.0, 1.0])
    assert portfolio.portfolio([dear], 1) == [1]
    assert portfolio.portfolio([], 3) == []


def test_tasks_of_the_same_rows_are_no_source_of_a_portfolio() -> None:
    assert portfolio.source("adult_hours-default") == portfolio.source("adult-default") == "adult"
    assert portfolio.space("adult_hours-default") == "default"
