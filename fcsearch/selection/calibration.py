"""The temperature that calibrates the probabilities of a saved model: read from its facts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fcsearch.errors import RunError
from fcsearch.results import RunDirectory

if TYPE_CHECKING:
    from fcsearch.selection.members import Member

# The key under which models and ensembles store it.
KEY = "calibration"


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The temperature by which a model's scores are divided before the softmax; predicted classes do not change.

    Attributes:
        temperature: Above 1: the model was overconfident on its validation rows. 1: no other value was better.
        rows: Number of validation rows that it was fitted on.
        log_loss_before: Log loss of these rows at a temperature of 1.
        log_loss_after: Log loss at the fitted temperature.
    """

    temperature: float
    rows: int
    log_loss_before: float
    log_loss_after: float


def read_calibration(facts: Mapping[str, Any], *, where: str) -> Calibration | None:
    """The calibration in a model's or an ensemble's facts; None if there is none. RunError (`where`) if damaged."""
    stored = facts.get(KEY)
    if stored is None:
        return None
    try:
        found = Calibration(**{field.name: stored[field.name] for field in dataclasses.fields(Calibration)})
        if not 0 < found.temperature < math.inf:
            raise ValueError(found.temperature)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{where} must hold a temperature above 0; found: {error!r}; restore a copy of the file, or train it again"
        ) from error
    return found


def temperature_in(facts: Mapping[str, Any], *, where: str) -> float:
    """The temperature in the facts of a model or an ensemble; 1 if it has none. Errors as `read_calibration`."""
    found = read_calibration(facts, where=where)
    return 1.0 if found is None else found.temperature


def calibration_of(run: RunDirectory, members: Sequence[Member]) -> Calibration | None:
    """The calibration of a model of the run; None if it has none. Errors as `read_calibration`."""
    if len(members) > 1:
        return read_calibration(run.models.ensemble_facts(), where=str(run.models.ensemble_path))
    path = members[0].path
    return read_calibration(run.models.metadata(members[0].trial_id or 0, path=path), where=str(path))
