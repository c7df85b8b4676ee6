"""A run's trials for Weights & Biases: offline runs, which `wandb sync` uploads. Nothing is sent by this."""

from __future__ import annotations

import re
from pathlib import Path

import wandb
from wandb.errors import Error

from fcsearch.results.directory import RunDirectory
from fcsearch.results.export.history import History, histories, require_free, run_name

ERRORS = (Error,)


def write(run: RunDirectory, folder: Path) -> list[Path]:
    """Write `wandb/offline-run-...` for each trial, of the project RUN; errors as `write_trials`."""
    name, place = run_name(run), folder / "wandb"
    require_free(run, _holds(place, name), place)
    known = list(histories(run))
    settings = wandb.Settings(
        silent=True, console="off", save_code=False, disable_git=True, x_disable_stats=True, x_disable_meta=True
    )
    try:
        for history in known:
            _write_trial(history, name, folder, settings)
    finally:
        wandb.teardown()
    return [place]


def _holds(place: Path, name: str) -> bool:
    """Whether a trial of the run is there; the names of other runs may begin or end with this one's."""
    ours = re.compile(rf"offline-run-\d+_\d+-{re.escape(name)}-trial-\d+")
    return any(ours.fullmatch(path.name) for path in place.glob("offline-run-*"))


def _write_trial(history: History, project: str, folder: Path, settings: wandb.Settings) -> None:
    tracked = wandb.init(
        mode="offline",
        dir=str(folder),
        project=project,
        name=history.name,
        id=f"{project}-{history.name}",
        config=history.parameters,
        tags=[history.state],
        notes=history.error,
        settings=settings,
    )
    for epoch in history.epochs:
        tracked.log(epoch.figures, step=epoch.number)
    tracked.summary.update({"state": history.state, **history.results})
    tracked.finish()
