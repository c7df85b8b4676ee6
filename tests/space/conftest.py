from collections.abc import Callable
from pathlib import Path

import jsonschema
import optuna
import pytest

from fcsearch.errors import SpaceError
from fcsearch.space import SearchSpace, load_space, space_schema
from fcsearch.space.document import read_text

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., SearchSpace]:
    """Load a space from its text."""

    def load_text(text: str | bytes, *overrides: str, dataset: str | None = None) -> SearchSpace:
        path = tmp_path / "some_space.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_space(path, overrides=overrides, dataset=dataset)

    return load_text


@pytest.fixture
def refusal(load: Callable[..., SearchSpace], tmp_path: Path) -> Callable[..., str]:
    """The message with which a space is refused, its file called FILE."""

    def message(text: str | bytes, *overrides: str, dataset: str | None = None) -> str:
        with pytest.raises(SpaceError) as caught:
            load(text, *overrides, dataset=dataset)
        return str(caught.value).replace(str(tmp_path / "some_space.yaml"), "FILE")

    return message


@pytest.fixture(scope="module")
def schema_accepts() -> Callable[[str], bool]:
    """Whether the JSON Schema accepts a space's text."""
    jsonschema.Draft202012Validator.check_schema(space_schema())
    schema = jsonschema.Draft202012Validator(space_schema())
    return lambda text: schema.is_valid(read_text(text, "x").plain())
