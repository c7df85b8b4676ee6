"""Chooses the module that writes a run's trials."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from fcsearch.errors import RunError, UsageError
from fcsearch.results.directory import RunDirectory
from fcsearch.wording import option

# Form -> (module, the extra that installs what it needs). Each module has `write(run, folder)`, and ERRORS: what
# its library raises.
_WRITERS = {
    "csv": ("csv_files", None),
    "optuna": ("optuna_journal", None),
    "tensorboard": ("tensorboard_events", "tensorboard"),
    "mlflow": ("mlflow_database", "mlflow"),
    "wandb": ("wandb_offline", "wandb"),
}


TRIAL_FORMS = tuple(_WRITERS)


def write_trials(run: RunDirectory, form: str, folder: Path) -> list[Path]:
    """Write a run's trials and learning curves in another program's form.

    Args:
        run: The run directory, also of a run in progress.
        form: `csv`, `optuna`, `tensorboard`, `mlflow` or `wandb`.
        folder: The folder for the files; made if missing. Existing CSV files are replaced. In the other forms several
            runs can share a folder, and a run that it already contains is refused.

    Returns:
        The files that were written, or the folder of many.

    Raises:
        RunError: the run is damaged, the folder cannot be written, or the form's library cannot use its contents.
        UsageError: the form's library is not installed.
    """
    module, extra = _WRITERS[form]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write(importlib.import_module(f"{__package__}.{module}"), run, form, folder)
    except ImportError as error:
        if extra is None:
            raise
        raise UsageError(
            f"{option('format', form)} needs {form}'s own library; found: {error}. Run: pip install 'fcsearch[{extra}]'"
        ) from error
    except OSError as error:
        raise RunError(
            f"{folder} must be a folder to write to; found: {error.strerror or error}; choose another with "
            f"{option('out')}"
        ) from error


def _write(writer: ModuleType, run: RunDirectory, form: str, folder: Path) -> list[Path]:
    try:
        written: list[Path] = writer.write(run, folder)
    except writer.ERRORS as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(
            f"{folder} must hold what {form} can add the run to; found: {said}; choose another with {option('out')}"
        ) from error
    return written
