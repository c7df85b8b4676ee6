from __future__ import annotations

import json

import jsonschema
from click.testing import CliRunner

from fcsearch.cli.schema import schema
from fcsearch.space import space_schema


def test_it_prints_the_schema() -> None:
    result = CliRunner().invoke(schema, [], catch_exceptions=False)
    assert result.exit_code == 0
    printed = json.loads(result.output)
    assert printed == space_schema()
    jsonschema.Draft202012Validator.check_schema(printed)
