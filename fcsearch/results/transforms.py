"""Which transform makes the features of a run's models."""

from __future__ import annotations

from pathlib import Path

from fcsearch.config import OWN_FORM
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.results.directory import RunDirectory
from fcsearch.results.model_file import load_transform


def transform_of(run: RunDirectory, model: Path) -> FeatureTransform | None:
    """The transform in a model file of a run; for one that an older fcsearch saved without it, the run's own.

    Returns:
        None if the run, too, has none.

    Raises:
        ConfigError: it is not a model file.
        DataError: the transform is damaged; or it is missing, and the run's own makes features of another form.
        RunError: the facts about its trial are damaged.
    """
    found = load_transform(model)
    if found is not None:
        return found
    form = run.models.input_form(0, path=model)
    if form == OWN_FORM:
        return run.transform()
    raise DataError(
        f"{model} must hold the transform that makes features of the form {form}, which its network was trained on; "
        f"found none, and transform.json of the run makes others. Restore a copy of the file, or train the network "
        f"again and name the new file: `fcsearch train --run {run.path} --trial N --save model.safetensors`"
    )
