"""The peer Ray Tune + OptunaSearch + torch.nn: a trial an actor, as its tutorials have it, or reused actors."""

from __future__ import annotations

import functools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import optuna

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.improvements import Improvements
from peers.peer import Task, TrialRecord, make_task, print_trials, task_options
from peers.torch_trial import TorchTrial, prepare, to_device

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # No loggers and no snapshots of the experiment, which cost Tune's driver time.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),
    "RAY_AIR_NEW_OUTPUT": "0",
}

# Tune wants a number, also of a trial that diverged in its first epoch.
DIVERGED = -1e9


@click.command()
@task_options
@click.option("--reuse-actors", is_flag=True, help="A class Trainable whose actors train trial after trial.")
@click.option(
    "--report", type=click.Choice(["epoch", "end"]), default="epoch", show_default=True, help="How often trials report."
)
def main(reuse_actors: bool, report: str, **options: Any) -> None:
    """Search a space with Ray Tune, Optuna's TPE and torch.nn.

    \b
    Example:
      python benchmarks/peers/ray_tune.py --space search_spaces/full.yaml --trials 8 --reuse-actors
    """
    task = make_task(**options)
    if (task.early_stopping or task.trace) and (report == "end" or not reuse_actors):
        raise click.UsageError("--early-stopping and --trace need --reuse-actors and --report epoch")
    os.environ.update(SETTINGS)
    # Ray's workers import this folder's modules, too.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (sys.path[0], os.environ.get("PYTHONPATH"))))
    # By default Tune starts the trials of a searcher one after another.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(task.slots)
    print_trials(search(task, reuse_actors=reuse_actors, epochs_a_report=1 if report == "epoch" else None))


def search(task: Task, *, reuse_actors: bool, epochs_a_report: int | None) -> list[TrialRecord]:
    """Search with Ray, which lives in here alone."""
    import ray

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    gpus = 1 if task.device == "cuda" else 0
    ray.init(
        address="local",
        num_cpus=task.slots,
        num_gpus=gpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="peer-") as storage:
            return run_tuner(task, storage, reuse_actors=reuse_actors, epochs_a_report=epochs_a_report)
    finally:
        ray.shutdown()


def run_tuner(task: Task, storage: str, *, reuse_actors: bool, epochs_a_report: int | None) -> list[TrialRecord]:
    """Run Ray Tune, with every slot filled and the rows in the object store."""
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    arrays = task.arrays()
    if reuse_actors:
        trainable = tune.with_parameters(
            trainable_class(),
            arrays=arrays,
            device=task.device,
            epochs_a_report=epochs_a_report,
            improvements=Improvements(task.trace),
        )
    else:
        trainable = tune.with_parameters(
            train, arrays=arrays, device=task.device, epochs_a_report=epochs_a_report, report=tune.report
        )
    share: dict[str, float] = {"cpu": 1, "gpu": 1 / task.slots} if task.device == "cuda" else {"cpu": 1}
    early = task.space.early_stopping
    scheduler = None
    if task.early_stopping and early:
        scheduler = ASHAScheduler(max_t=10_000, grace_period=early.min_epochs, reduction_factor=early.reduction_factor)
    tuner = tune.Tuner(
        tune.with_resources(trainable, share),
        tune_config=tune.TuneConfig(
            metric="score",
            mode="max",
            search_alg=OptunaSearch(
                space=functools.partial(suggest, task),
                metric="score",
                mode="max",
                sampler=optuna.samplers.TPESampler(seed=task.seed, constant_liar=True),
            ),
            scheduler=scheduler,
            num_samples=task.trials or -1,
            max_concurrent_trials=task.slots,
            time_budget_s=task.seconds_left,
            reuse_actors=reuse_actors,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            storage_path=storage, verbose=0, checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False)
        ),
    )
    results = tuner.fit()
    if results.errors:
        raise click.ClickException(f"a trial of the peer failed: {results.errors[0]}")
    found = [results[number].metrics for number in range(len(results))]
    scores = ((m, None if m["score"] == DIVERGED else m["score"]) for m in found if m and "ended" in m)
    return [(m["began"], m["ended"], score) for m, score in scores]


def suggest(task: Task, trial: optuna.trial.Trial) -> dict[str, Any]:
    """The space as OptunaSearch wants it: samples by the trial, and returns what Optuna does not see."""
    parameters = task.parameters(trial)
    return {name: value for name, value in parameters.items() if name not in trial.params}


def train(
    config: dict[str, Any], arrays: Mapping[str, np.ndarray], device: str, epochs_a_report: int | None, report: Any
) -> None:
    """A function trainable."""
    prepare()
    began = time.time()
    trial = TorchTrial(config, to_device(arrays, device))
    while not trial.over:
        report(advance(trial, began, epochs_a_report))


def trainable_class() -> type:
    """A class Trainable; made here, so that Ray is imported when it is needed."""
    from ray import tune

    class Trainable(tune.Trainable):
        def setup(  # type: ignore[override]  # tune.with_parameters adds the other arguments
            self,
            config: dict[str, Any],
            arrays: Mapping[str, np.ndarray],
            device: str,
            epochs_a_report: int | None,
            improvements: Improvements,
        ) -> None:
            prepare()
            self._rows = to_device(arrays, device)
            self._epochs_a_report = epochs_a_report
            self._improvements = improvements
            self._begin(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self._begin(new_config)
            return True

        def step(self) -> dict[str, Any]:
            metrics = advance(self._trial, self._began, self._epochs_a_report)
            self._improvements.offer(self._trial.best_score, self._trial.test_score)
            return {**metrics, "done": self._trial.over}

        def _begin(self, config: dict[str, Any]) -> None:
            self._began = time.time()
            self._trial = TorchTrial(config, self._rows)

    return Trainable


def advance(trial: TorchTrial, began: float, epochs: int | None) -> dict[str, Any]:
    """Train some epochs (None: all) and return what is reported."""
    target = trial.epochs if epochs is None else trial.epochs_run + epochs
    while not trial.over and trial.epochs_run < target:
        trial.epoch()
    score = DIVERGED if trial.best_score is None else trial.best_score
    return {"score": score, "began": began, "ended": time.time()}


if __name__ == "__main__":
    main()
