"""Searches in which there is nothing to learn, or one class has nearly all rows: what they say, and what runs next."""

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import ran
from in_process_pool import InProcess
from page_checks import commands_in
from search_helpers import make_space

from fcsearch.cli.search_arguments import choose
from fcsearch.data import Dataset
from fcsearch.report.closing import next_commands
from fcsearch.report.next_space import NEXT_SPACE
from fcsearch.results import RunDirectory
from fcsearch.search.api import SearchResult, start_search
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.space import SearchSpace, load_space

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 0.3, "log": True},
    "hidden_dim": {"choices": [4, 16]},
    "epochs": 5,
}


class Plans:
    """A pool in this process, which keeps the plan that it was opened for."""

    def __init__(self) -> None:
        self.found: list[SearchPlan] = []

    @contextlib.contextmanager
    def __call__(self, plan: SearchPlan, dataset: Dataset) -> Iterator[Any]:
        self.found.append(plan)
        with InProcess()(plan, dataset) as pool:
            yield pool


def write_classes(path: Path, share: float, seed: int) -> Path:
    """600 rows of three features, and of classes that have nothing to do with them, the rarer one with this share."""
    rng = np.random.default_rng(seed)
    rows = zip(rng.normal(size=(600, 3)).round(3).tolist(), rng.random(600), strict=True)
    lines = [",".join([*map(str, values), "yes" if drawn < share else "no"]) for values, drawn in rows]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["a,b,c,label", *lines]) + "\n")
    return path


def search(space: SearchSpace, path: Path, open_pool: Any = None) -> SearchResult:
    options = SearchOptions(seed=3, workers=1, pack_size=20, confirm=0)
    return start_search(space, options, path=path, command=["fcsearch", "run"], open_pool=open_pool or InProcess())


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """By a sampler that takes an earlier run's trials, where they are comparable."""
    folder = tmp_path_factory.mktemp("noise")
    keys = {"objective": "average_precision", "trials": 60, "sampler": "tpe", "parameters": PARAMETERS}
    data = {"source": str(write_classes(folder / "noise.csv", 0.4, 3)), "label": "label"}
    return search(make_space(folder, dataset=data, **keys), folder / "run")


def test_the_best_of_sixty_on_noise_is_no_winner(noise: SearchResult) -> None:
    assert noise.report.trust.verdict is not None
    assert str(noise.report.trust.verdict).startswith(
        "Nothing was learned: the best network's validation average precision"
    )


def test_its_next_space_has_the_first_remedy_and_runs(noise: SearchResult, tmp_path: Path) -> None:
    run = noise.run
    commands = re.findall(r"fcsearch run .*", commands_in((run.path / "report.html").read_text()))
    assert f"fcsearch run runs/run/{NEXT_SPACE} --workers 1</code></pre>" in commands
    assert not any("--from" in command for command in commands)
    space = load_space(run.path / NEXT_SPACE).changed(["trials=2"])
    assert (space.objective, space.dataset.class_weight) == ("average_precision", "balanced")
    following = search(space, tmp_path / "next").run
    described = following.manifest().dataset
    assert described.spec["class_weight"] == "balanced"


def test_each_command_is_the_space_of_the_run_with_one_remedy(noise: SearchResult, tmp_path: Path) -> None:
    report, space = noise.report, noise.run.space()
    commands = [shlex.split(command) for command in next_commands(report)]
    assert len(commands) > 1
    for command, changes in zip(commands, report.trust.remedies, strict=False):
        assert command[:3] == ["fcsearch", "run", str(noise.run.path)]
        ran(*command[1:], "--dry-run", "--out", tmp_path)
        # The options that the run was given follow.
        assert command[-2:] == ["--workers", "1"]
        found = command[4:-2:2]
        assert choose(command[2:3], space=None, dataset=None).load(found) == space.changed(changes)
        assert found == list(changes)


def test_a_class_with_nearly_all_rows_is_in_the_plan(tmp_path: Path) -> None:
    data = {"source": str(write_classes(tmp_path / "rare.csv", 0.02, 0)), "label": "label"}
    lines = []
    for number, changes in enumerate([[], ["objective=roc_auc"]]):
        pool = Plans()
        space = make_space(tmp_path, dataset=data, trials=1, parameters=PARAMETERS).changed(changes)
        search(space, tmp_path / f"run {number}", pool)
        (plan,) = pool.found
        lines.append(plan.lines().get("classes"))
    assert lines[0] is not None
    assert "of the training rows are 'no', which alone make a high accuracy" in lines[0]
    assert "--set objective=average_precision" in lines[0]
    # By another objective nobody is misled.
    assert lines[1] is None


def test_the_run_says_how_many_training_rows_are_measured(noise: SearchResult) -> None:
    described = RunDirectory.open(noise.run.path).manifest().dataset
    assert (described.rows.val, described.training_sample) == (90, 256)
    assert noise.report.dataset.training_sample == 256
    # An older run measured as many as validate.
    assert described.model_copy(update={"training_sample": None}).measured_training_rows == 90


def test_a_source_with_validation_rows_of_its_own_is_not_told_of_folds(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        write_classes(tmp_path / "data" / f"{split}.csv", 0.4, 3)
    data = {"source": str(tmp_path / "data"), "label": "label", "num_val": 100}
    found = search(make_space(tmp_path, dataset=data, trials=2, parameters=PARAMETERS), tmp_path / "run").report
    assert found.dataset.given_splits == ("val", "test")
    assert found.trust.verdict is not None
    assert found.trust.remedies
    assert not any("folds" in change for changes in found.trust.remedies for change in changes)
    assert "folds" not in " ".join(found.trust.remarks)
