"""Optuna's importances of the parameters, from the run's journal, which is only read."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

MIN_TRIALS = 20


def read_importances(
    journal: Path, study_name: str, accuracies: Mapping[int, float]
) -> tuple[dict[str, float], str | None]:
    """How much each parameter decided whether a trial was among the best, as shares of 1.

    Args:
        journal: Optuna's journal file.
        study_name: The study in it.
        accuracies: The result of every trial that has one, by its number. Stopped trials count with theirs: Optuna on
            its own would leave them out, and in a run with early stopping they are most of what was learned.

    Returns:
        The importances by parameter, and why there are none, if there are none.
    """
    if len(accuracies) < MIN_TRIALS:
        return {}, f"they need {MIN_TRIALS} trials with a result; this run has {len(accuracies)}"
    if not journal.is_file():
        # Optuna's reader would create the file.
        return {}, "there is no study.journal"
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stored = optuna.load_study(study_name=study_name, storage=JournalStorage(JournalFileBackend(str(journal))))
            known = [trial for trial in stored.get_trials(deepcopy=False) if trial.number in accuracies]
            if len(known) < MIN_TRIALS:
                return {}, f"they need {MIN_TRIALS} trials with a result; study.journal has {len(known)} of them"
            study = optuna.create_study(direction="maximize")
            for trial in known:
                study.add_trial(
                    optuna.trial.create_trial(
                        params=trial.params, distributions=trial.distributions, value=accuracies[trial.number]
                    )
                )
            found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
            return {name: float(share) for name, share in found.items()}, None
    except KeyError:
        return {}, f"study.journal holds no study named {study_name}"
    except (OSError, json.JSONDecodeError, ValueError) as error:
        return {}, f"study.journal could not be evaluated: {error}"
    finally:
        optuna.logging.set_verbosity(verbosity)
