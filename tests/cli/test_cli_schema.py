import json

import jsonschema
from commands import output_of

from fcsearch.space import space_schema


def test_it_prints_the_schema() -> None:
    printed = json.loads(output_of("schema"))
    assert printed == space_schema()
    jsonschema.Draft202012Validator.check_schema(printed)
