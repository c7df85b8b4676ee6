"""The reference of space files, for the docs: the table of parameters, and all other keys by the JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fcsearch.config import HYPERPARAMETERS, Hyperparameter
from fcsearch.space.json_schema import space_schema
from fcsearch.space.parameters import show

# A part of a JSON Schema.
_Node = Mapping[str, Any]

_BOUNDS = {
    "exclusiveMinimum": "above {}",
    "minimum": "of at least {}",
    "exclusiveMaximum": "below {}",
    "maximum": "at most {}",
}
_TYPES = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "null": "nothing",
}


def parameters_markdown() -> str:
    """A Markdown table of every parameter: what values it takes, its default, where it is read, and its meaning."""
    lines = ["| parameter | values | default | used if | meaning |", "| --- | --- | --- | --- | --- |"]
    for parameter in HYPERPARAMETERS.values():
        values = parameter.requirement.removeprefix("one of ")
        default = "" if parameter.name == "hidden_dims" else f"`{show(parameter.default)}`"
        lines.append(f"| `{parameter.name}` | {values} | {default} | {_where(parameter)} | {parameter.meaning} |")
    return "\n".join(lines) + "\n"


def keys_markdown() -> str:
    """A Markdown table of the keys of a space file, and of their own: what they take, and what they mean."""
    schema = space_schema()
    lines = ["| key | takes | meaning |", "| --- | --- | --- |"]
    for key, node in schema["properties"].items():
        for name, found in _with_parts(key, node, schema):
            lines.append(f"| `{name}` | {_takes(found, schema)} | {_escaped(found.get('description', ''))} |")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return str(text).replace("<", "&lt;").replace("|", "\\|")


def _where(parameter: Hyperparameter) -> str:
    if parameter.under is not None:
        return f"`{parameter.under[0]}` is {' or '.join(parameter.under[1])}"
    return "there is a hidden layer" if parameter.needs_hidden_layer else "always"


def _with_parts(key: str, node: _Node, schema: _Node) -> Iterator[tuple[str, _Node]]:
    """A key and, where it may be a mapping of known keys, those too; parameters stand in their own table."""
    yield key, node
    if key == "parameters":
        return
    parts: dict[str, _Node] = {}
    for form in _forms(node, schema):
        only = form.get("properties", {}).get("name", {}).get("const")
        for name, found in form.get("properties", {}).items():
            if "const" not in found:
                parts.setdefault(f"{name}` of `{only}" if only else name, found)
    yield from ((f"{key}.{name}", found) for name, found in parts.items())


def _forms(node: _Node, schema: _Node) -> Iterator[_Node]:
    """The alternatives that a key may take."""
    if "$ref" in node:
        target: Any = schema
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        yield from _forms(target, schema)
        return
    alternatives = node.get("anyOf") or node.get("oneOf")
    if not alternatives:
        yield node
    for alternative in alternatives or ():
        yield from _forms(alternative, schema)


def _takes(node: _Node, schema: _Node) -> str:
    said = [words for form in _forms(node, schema) for words in _words(form, schema)]
    return ", ".join(dict.fromkeys(word for word in said if word != _TYPES["null"]))


def _words(form: _Node, schema: _Node) -> Iterator[str]:
    if "enum" in form or "const" in form:
        yield from (f"`{value}`" for value in form.get("enum", [form.get("const")]) if value is not None)
        return
    kinds = form.get("type", ())
    bounds = " and ".join(text.format(form[name]) for name, text in _BOUNDS.items() if name in form)
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind == "array":
            yield f"a list, each {_takes(form.get('items', {}), schema)}"
        elif kind in ("integer", "number") and bounds:
            yield f"{_TYPES[kind]} {bounds}"
        else:
            yield _TYPES[kind]
