"""Chooses who writes a run's trials."""

from __future__ import annotations

import importlib
from pathlib import Path

from fcsearch.errors import RunError, UsageError
from fcsearch.results.directory import RunDirectory

# Form -> (module, what has to be installed, the extra that installs it). Each module has `write(run, folder)`.
_WRITERS = {
    "csv": ("csv_files", None),
    "optuna": ("optuna_journal", None),
    "tensorboard": ("tensorboard_events", "tensorboard"),
    "mlflow": ("mlflow_database", "mlflow"),
    "wandb": ("wandb_offline", "wandb"),
}


def write_trials(run: RunDirectory, form: str, folder: Path) -> list[Path]:
    """Write a run's trials and learning curves in another program's form.

    Args:
        run: The run directory, also of a run in progress.
        form: `csv`, `optuna`, `tensorboard`, `mlflow` or `wandb`.
        folder: Where the files go; made if missing. CSV files that are there are replaced. In the other forms several
            runs can share a folder, and a run that is there already is refused.

    Returns:
        What was written: files, or the folder of many.

    Raises:
        RunError: the run is damaged, or the folder cannot be written.
        UsageError: the form's library is not installed.
    """
    module, extra = _WRITERS[form]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written: list[Path] = importlib.import_module(f"{__package__}.{module}").write(run, folder)
    except ImportError as error:
        if extra is None:
            raise
        raise UsageError(
            f"--format {form} needs {form}'s own library; found: {error}. Run: pip install 'fcsearch[{extra}]'"
        ) from error
    except OSError as error:
        raise RunError(
            f"{folder} must be a folder to write to; found: {error.strerror or error}; choose another with --out"
        ) from error
    return written
