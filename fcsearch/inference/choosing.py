"""The choice of a model: a single file, or one of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fcsearch.data.joint_transform import join_transforms
from fcsearch.errors import DataError, RunError, UsageError
from fcsearch.inference.predictor import Member, Predictor
from fcsearch.results import Run, open_run, resolve_run
from fcsearch.results.network_files import SavedModel, read_model
from fcsearch.results.transforms import transform_of
from fcsearch.selection import Part, model_parts
from fcsearch.selection.calibration import temperature_in
from fcsearch.wording import option

MODEL_ENDING = ".safetensors"
# What is exported for other programs.
_EXPORTED = (".onnx", ".pt2")


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A model that is ready to use.

    Attributes:
        name: Its name to print: `trial 12 of customers`, or the file's name.
        predictor: The model.
        facts: The metadata in the file of its first network, as in `SavedModel`.
        run: The run that it belongs to; None for a single file.
        trials: The trials of the run that it is made of; empty for a single file.
    """

    name: str
    predictor: Predictor
    facts: Mapping[str, Any]
    run: Run | None = None
    trials: tuple[int, ...] = ()


def choose_model(where: str | None, model: str | None, root: Path | str) -> Chosen:
    """Load the model that the arguments name.

    Args:
        where: A model file, a run directory or its URL, or the name of a run; None: the newest run.
        model: Which model of a run, as in `selection.load_members`.
        root: Folder of the runs, or its URL.

    Raises:
        RunError: there is no such run, or the trial's model was not kept.
        ConfigError: the file is not a model file.
        DataError: the model lacks its feature transform.
        UsageError: `model` names no model, or is given with a file.
    """
    if where is not None and where.endswith(MODEL_ENDING):
        return _of_file(Path(where), model)
    if where is not None and where.endswith(_EXPORTED) and Path(where).is_file():
        raise UsageError(
            f"a model must be a {MODEL_ENDING} file or one of a run; found {where}, which other programs read. Export "
            f"it with {option('format', 'safetensors')} too, or name the run."
        )
    return model_of_run(open_run(resolve_run(where, root)), model)


def model_of_run(run: Run, model: str | None) -> Chosen:
    """Load a model of a run; argument and errors as `choose_model`."""
    parts = model_parts(run.directory, model)
    saved = [read_model(_kept(run, part)) for part in parts]
    transforms = [
        one.transform or transform_of(run.directory, part.path) for part, one in zip(parts, saved, strict=True)
    ]
    trials = tuple(part.trial_id for part in parts if part.trial_id is not None)
    known = [transform for transform in transforms if transform is not None]
    if len(known) < len(saved):
        raise _no_transform(str(run.path), f"fcsearch train --run {run.path} --trial {(*trials, 'N')[0]} --save model")
    different = list(dict.fromkeys(known))
    transform = join_transforms(different)
    members = tuple(
        Member(part.weight, one.network, different.index(own))
        for part, one, own in zip(parts, saved, known, strict=True)
    )
    what = "the refit" if not trials else f"trial {trials[0]}" if len(trials) == 1 else f"{len(trials)} trials"
    # An ensemble has its own temperature, for the mean of its networks.
    alone = len(members) == 1
    facts, place = (
        (saved[0].facts, run.directory.models.folder)
        if alone
        else (run.directory.models.ensemble_facts(), run.directory.models.ensemble_path)
    )
    predictor = Predictor(members, transform, temperature_in(facts, where=str(place)))
    return Chosen(f"{what} of {run.path.name}", predictor, saved[0].facts, run, trials)


def _of_file(path: Path, model: str | None) -> Chosen:
    if model is not None:
        raise UsageError(f"--model chooses among the models of a run; {path} is one model. Leave it out.")
    saved: SavedModel = read_model(path)
    if saved.transform is None:
        raise _no_transform(str(path), "fcsearch train --run RUN --trial N --save model")
    temperature = temperature_in(saved.facts, where=str(path))
    return Chosen(path.name, Predictor((Member(1.0, saved.network),), saved.transform, temperature), saved.facts)


def _kept(run: Run, part: Part) -> Path:
    """The file of a network, if it was kept."""
    trial = part.trial_id
    if trial is None:
        return run.directory.models.kept_refit()
    if part.path.is_file():
        return part.path
    saved = run.directory.models.saved()
    kept = ", ".join(map(str, saved)) or "none"
    raise RunError(
        f"trial {trial} of {run.path} must have a saved model; found models of trials: {kept}. Train it again with "
        f"`fcsearch train --run {run.path} --trial {trial} --save model{MODEL_ENDING}`, and name that file."
    )


def _no_transform(where: str, command: str) -> DataError:
    return DataError(
        f"{where} must say how columns become features; an older fcsearch wrote it without that. Train the network "
        f"again, on a machine with its dataset, and name the file: `{command}{MODEL_ENDING}`"
    )
