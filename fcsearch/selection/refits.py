"""Networks that were refitted, on training and validation rows: which a run has, and whether they are its answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

from fcsearch.config import TrialConfig
from fcsearch.errors import FcsearchError
from fcsearch.results import RunDirectory
from fcsearch.results.manifest import DivergedRefit
from fcsearch.results.records import row_config
from fcsearch.selection.confirmation import chosen_trial, confirmation_of


def answers_by_refit(run: RunDirectory) -> bool:
    """Whether the run's answer is the refit: with folds, if it is the chosen trial's.

    The search keeps only the network of a trial's first fold, which was trained on fewer rows.

    Raises:
        RunError: that network's file is damaged.
    """
    described, path = run.manifest().dataset, run.models.refit_path
    if described is None or not described.folds or not path.is_file():
        return False
    return bool(run.models.metadata(0, path=path).get("trial_id") == chosen_trial(run))


def answering_refit(run: RunDirectory) -> str | None:
    """The digest of the refit that is the run's answer; None if that is a network of the search. Errors likewise."""
    return run.models.refit_digest() if answers_by_refit(run) else None


def ensemble_answers_by_refit(run: RunDirectory) -> bool:
    """Whether the ensemble consists of refits: with folds, if all its members have one as they would be refitted now.

    Raises:
        RunError: the file that names its members is damaged.
    """
    described, members = run.manifest().dataset, run.models.ensemble()
    if described is None or not described.folds or not members:
        return False
    configs, place = refit_configs(run, members), run.models.member_refit_path
    return all(
        trial in configs and has_refit(run, place(trial), trial, configs[trial], described.fingerprint)
        for trial in members
    )


def lacks_refits(run: RunDirectory) -> bool:
    """Whether the ensemble consists of networks of the first fold until the run's search fits them again.

    Where one of them diverged when it was fitted again, that is so for good.

    Raises:
        RunError: as `ensemble_answers_by_refit`.
    """
    manifest, members = run.manifest(), run.models.ensemble()
    folds = manifest.dataset is not None and manifest.dataset.folds
    wanted = bool(folds) and manifest.options.get("refit") is not False
    due = wanted and len(members) > 1 and not ensemble_answers_by_refit(run)
    return due and not diverged_refits(run, members)


def diverged_refits(run: RunDirectory, trials: Collection[int]) -> list[int]:
    """Those of these trials that diverged when they were fitted again as they would be now, on the run's data."""
    manifest = run.manifest()
    # Most runs have none, and need not be read for it.
    if not manifest.diverged_refits or manifest.dataset is None:
        return []
    dataset, known = manifest.dataset.fingerprint, manifest.diverged_refits
    return [
        trial
        for trial, config in refit_configs(run, trials).items()
        if DivergedRefit(trial_id=trial, dataset=dataset, config=config.to_json()) in known
    ]


def has_refit(run: RunDirectory, path: Path, trial_id: int, config: TrialConfig, fingerprint: str | None) -> bool:
    """Whether a file holds this trial's refit, with this configuration, on these data; a damaged one does not."""
    if not path.is_file():
        return False
    try:
        known = run.models.metadata(trial_id, path=path)
        fitted = TrialConfig.from_json(known["config"])
    except (FcsearchError, AttributeError, LookupError, TypeError, ValueError):
        return False
    return (known.get("trial_id"), known.get("dataset"), fitted) == (trial_id, fingerprint, config)


def refit_configs(run: RunDirectory, trials: Collection[int]) -> dict[int, TrialConfig]:
    """The configuration of each of these trials, with the mean best epoch over its seeds, else with that of the search.

    Trials without a row are left out.
    """
    found = confirmation_of(run)
    means = {entry.trial_id: entry.best_epoch for entry in found.configurations} if found else {}
    rows = {row["trial_id"]: row for row in run.trials().to_pylist() if row["trial_id"] in trials}
    epochs = {trial: max(1, round(means.get(trial) or row["best_epoch"])) for trial, row in rows.items()}
    return {trial: dataclasses.replace(row_config(row), epochs=epochs[trial]) for trial, row in rows.items()}
