"""pydantic's errors in words: what must hold, what was found, what was probably meant."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from fcsearch.text import nearest

Json = dict[str, Any]
Step = int | str

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_TOGETHER = "together"
_WORDS = {"boolean": "true or false", "object": "a mapping", "array": "a list", "string": "a text"}
_LIMITS = {"minimum": "of at least", "exclusiveMinimum": "above", "maximum": "of at most", "exclusiveMaximum": "below"}


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An error in a value.

    Attributes:
        kind: `unknown`: an unknown key; `missing`: a missing key; `together`: options that contradict each other;
            `value`: any other value.
        path: Keys and indices that lead to it, including pydantic's own names for branches of a union.
        found: The refused value.
        says: For `value`, what must hold, such as `an integer from 1 to 9`; for `together`, the whole sentence.
        known: The allowed keys or words.
        near: The one of them that was probably meant.
    """

    kind: Literal["unknown", "missing", "together", "value"]
    path: tuple[Step, ...]
    found: object
    says: str = ""
    known: tuple[str, ...] = ()
    near: str | None = None


def contradiction(option: str, message: str) -> PydanticCustomError:
    """The error that a validator raises if options contradict each other: `message` is about `option`."""
    return PydanticCustomError(_TOGETHER, "{message}", {"message": message, "option": option})


def first_refusal(error: ValidationError, schema: Json, *, synonyms: Mapping[str, str] | None = None) -> Refusal:
    """The first of `refusals`."""
    return refusals(error, schema, synonyms=synonyms)[0]


def refusals(error: ValidationError, schema: Json, *, synonyms: Mapping[str, str] | None = None) -> list[Refusal]:
    """The refusals to report for an error, one for each mistake: unknown keys first, as they explain others.

    Args:
        error: The error that pydantic raised.
        schema: `schema_of` the checked type.
        synonyms: Other words for keys.
    """
    errors = error.errors(include_url=False)
    unknown = [item for item in errors if item["type"] in _UNKNOWN]
    above = {item["loc"][:-1] for item in unknown}
    others: dict[tuple[Step, ...], list[ErrorDetails]] = {}
    for item in errors:
        explained = item["type"] == "missing" and item["loc"][:-1] in above
        if item not in unknown and not explained:
            others.setdefault(_keys(item["loc"], schema), []).append(item)
    # Of the branches of a union, the one that got furthest.
    found = [*unknown, *(max(same, key=lambda item: len(item["loc"])) for same in others.values())]
    return [_refusal(item, schema, synonyms or {}) for item in found]


def _keys(path: tuple[Step, ...], schema: Json) -> tuple[Step, ...]:
    """The beginning of a path that keys of mappings make, without the branch of a union and what follows."""
    for place, step in enumerate(path):
        properties = {key: part for form in _forms(schema) for key, part in form.get("properties", {}).items()}
        if step not in properties:
            return path[: max(place, 1)]
        schema = properties[step]
    return path


def _refusal(error: ErrorDetails, schema: Json, synonyms: Mapping[str, str]) -> Refusal:
    kind, path, found, context = error["type"], error["loc"], error["input"], error.get("ctx", {})
    if kind in _UNKNOWN:
        options = [item for form in _forms(_at(schema, path[:-1])) for item in form.get("properties", {}).items()]
        # But for the key that tells a mapping from the other members of a union.
        known = [name for name, part in options if "const" not in part or "default" in part]
        said = synonyms.get(str(path[-1]))
        near = said if said in known else nearest(path[-1], known)
        return Refusal("unknown", path, found, known=tuple(known), near=near)
    if kind == _TOGETHER:
        return Refusal("together", (*path, context["option"]), found, context["message"])
    if kind == "missing":
        return Refusal("missing", path, None)
    if kind == "union_tag_not_found":
        return Refusal("missing", (*path, context["discriminator"].strip("'")), None)
    return _of_value(error, schema)


def _of_value(error: ErrorDetails, schema: Json) -> Refusal:
    path, found, context = error["loc"], error["input"], error.get("ctx", {})
    part = _at(schema, path)
    if error["type"] == "union_tag_invalid":
        path = (*path, context["discriminator"].strip("'"))
        found = context["tag"]
        part = {"enum": [word.strip(" '") for word in context["expected_tags"].split(",")]}
    words = [word for form in _forms(part) for word in _words(form)]
    near = nearest(found, words) if isinstance(found, str) else None
    return Refusal("value", path, found, requirement(part), tuple(words), near)


@functools.cache
def schema_of(kind: Any) -> Json:
    """The JSON Schema of a type, in one piece; a `title` says what must hold where type and limits do not."""
    schema = TypeAdapter(kind).json_schema(schema_generator=_WithoutTitles)
    return {key: _inline(part, schema.get("$defs", {})) for key, part in schema.items() if key != "$defs"}


class _WithoutTitles(GenerateJsonSchema):
    """Without the titles that pydantic makes of the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def _inline(part: Any, definitions: Json) -> Any:
    """A part of a schema with definitions in place of references to them."""
    if isinstance(part, list):
        return [_inline(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        found = definitions[part["$ref"].rpartition("/")[2]]
        here = {key: value for key, value in part.items() if key != "$ref"}
        part = {**{key: value for key, value in found.items() if key not in ("title", "description")}, **here}
    # A docstring is wrapped.
    part = {key: " ".join(value.split()) if key == "description" else value for key, value in part.items()}
    return {key: _inline(value, definitions) for key, value in part.items() if key != "discriminator"}


def requirement(schema: Json) -> str:
    """What a schema requires of a value, in words."""
    if "title" in schema:
        return str(schema["title"])
    if members := schema.get("anyOf", schema.get("oneOf")):
        return ", or ".join(dict.fromkeys(requirement(part) for part in members if part.get("type") != "null"))
    if words := _words(schema):
        return f"one of {', '.join(words)}"
    kind = schema.get("type")
    if kind not in ("integer", "number"):
        return _WORDS[str(kind)]
    noun = "an integer" if kind == "integer" else "a number"
    if "minimum" in schema and "maximum" in schema:
        return f"{noun} from {schema['minimum']} to {schema['maximum']}"
    return f"{noun} {' and '.join(f'{word} {schema[key]}' for key, word in _LIMITS.items() if key in schema)}".rstrip()


def _words(schema: Json) -> list[str]:
    return [str(word) for word in schema.get("enum", [schema["const"]] if "const" in schema else [])]


def _forms(schema: Json) -> list[Json]:
    """The members of a union, and of unions in it; else the schema itself."""
    members = [form for key in ("anyOf", "oneOf") for part in schema.get(key, ()) for form in _forms(part)]
    return members or [schema]


def _at(schema: Json, path: Sequence[Step]) -> Json:
    """The part of a schema that checks the value at `path`; steps that it does not distinguish are skipped."""
    for step in path:
        schema = next((inner for form in _forms(schema) if (inner := _inner(form, step)) is not None), schema)
    return schema


def _inner(form: Json, step: Step) -> Json | None:
    properties = form.get("properties", {})
    if step in properties:
        inner: Json = properties[step]
        return inner
    return form if any(part.get("const", part) == step for part in properties.values()) else None
