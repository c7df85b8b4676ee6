"""A run's trials for MLflow: an experiment in a database, with a run a trial."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

from fcsearch.results.directory import RunDirectory
from fcsearch.results.export.history import History, histories, require_free, run_name

# MLflow would tell its maker of its use.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from alembic.util import CommandError
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

ERRORS = (MlflowException, SQLAlchemyError, CommandError)

_STATUS = {
    "complete": "FINISHED",
    "stopped": "KILLED",
    "diverged": "FAILED",
    "failed": "FAILED",
    "unfinished": "KILLED",
}
# The most metrics that MLflow takes in one call.
_BATCH = 1000


def write(run: RunDirectory, folder: Path) -> list[Path]:
    """Write the experiment RUN into `mlflow.db`; errors as `write_trials`."""
    place, name = folder / "mlflow.db", run_name(run)
    known = list(histories(run))
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's use of its own libraries
        client = MlflowClient(tracking_uri=f"sqlite:///{place.resolve()}")
        require_free(run, client.get_experiment_by_name(name) is not None, place)
        experiment = client.create_experiment(name, artifact_location=(folder / "artifacts").resolve().as_uri())
        for history in known:
            _write_trial(client, experiment, history)
    return [place]


def _write_trial(client: MlflowClient, experiment: str, history: History) -> None:
    start, end = (round(1000 * moment.timestamp()) for moment in (history.started, history.finished))
    tags = {"state": history.state, **({"error": history.error} if history.error else {})}
    made = client.create_run(experiment, start_time=start, tags=tags, run_name=history.name).info.run_id
    points = [
        Metric(name, value, round(1000 * epoch.time), epoch.number)
        for epoch in history.epochs
        for name, value in epoch.figures.items()
    ]
    points += [Metric(name, value, end, 0) for name, value in history.results.items()]
    parameters = [Param(name, str(value)) for name, value in history.parameters.items()]
    client.log_batch(made, params=parameters)
    for first in range(0, len(points), _BATCH):
        client.log_batch(made, metrics=points[first : first + _BATCH])
    client.set_terminated(made, _STATUS[history.state], end_time=end)
