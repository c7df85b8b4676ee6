"""Configurations that come first: `tries` of a space file, and `--try learning_rate=0.01,depth=3`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import SpaceError
from fcsearch.space.document import read_text
from fcsearch.space.mistakes import Collector
from fcsearch.space.nodes import Node, instead_of_key, is_cut_off
from fcsearch.space.parameters import Constant, Parameter, show
from fcsearch.space.reading import read_value

# A comma that is in no brackets, as those of a list of widths are, and no number's before its fraction.
_COMMA = re.compile(r",(?![^\[]*\])(?!\s*\d+(?:[eE][-+]?\d+)?\s*(?:,|$))")
_EXAMPLE = "{learning_rate: 0.01, depth: 3}"

Parameters = Mapping[str, Parameter]
# Values of some parameters; the sampler chooses the others.
Try = Mapping[str, Any]


def read_try_options(texts: Sequence[str], parameters: Parameters) -> tuple[Try, ...]:
    """The values that each `--try` gives to parameters of a space.

    Args:
        texts: `key=value,...` each, with values in YAML.
        parameters: What is searched.

    Raises:
        SpaceError: all that is no such text, or lies outside the space.
    """
    found, mistakes = list[Try](), Collector("--try")
    for text in texts:
        with mistakes.collecting():
            found.append(_read_try(text, parameters))
    mistakes.check()
    return tuple(found)


def _read_try(text: str, parameters: Parameters) -> Try:
    source, fields = f"--try {text}", dict[str, Node]()
    mistakes = Collector(source)
    for part in _COMMA.split(text):
        with mistakes.collecting():
            name, sign, value = part.partition("=")
            name = name.strip()
            if not sign or not name:
                example = "such as learning_rate=0.01"
                raise SpaceError(f"{source}: a configuration is key=value,..., {example}; found {part!r}")
            if name in fields:
                raise SpaceError(f"{source}: {name} must be named once; found it twice")
            fields[name] = read_text(value, source, positions=False)
    with mistakes.collecting():
        values = _values(fields, parameters, "", source)
        for *_, error in _misfits(fields, values, parameters, ""):
            mistakes.take(error)
    mistakes.check()
    return values


def read_tries(fields: Mapping[str, Node], parameters: Parameters) -> tuple[tuple[Try, ...], int]:
    """The configurations that a document lists under `tries`, and how many of them overrides rule out.

    Where an override gives a parameter one value, that value holds here, too: with `epochs=15` what comes first trains
    for 15 epochs. A value that an override rules out is left to the sampler. The whole configuration is ruled out where
    its settings of a word go with that word, as `beta1` goes with `adam`: its other values were chosen for that one. So
    is one of which nothing is left, and one that an override makes equal to an earlier one.

    Args:
        fields: The document's sections.
        parameters: Its parameters.

    Raises:
        SpaceError: what is no list of configurations of these parameters.
    """
    node = fields.get("tries")
    if node is None or node.value is None or node.value == ():
        return (), 0
    if not isinstance(node.value, tuple):
        raise node.fail("tries", f"a list of configurations is needed, such as [{_EXAMPLE}]; found {node.found()}")
    sampler = fields.get("sampler")
    if sampler is not None and sampler.plain() in ("grid", {"name": "grid"}):
        if sampler.overridden and not node.overridden:
            return (), len(node.value)
        raise node.fail_key("tries", "a grid has configurations of its own; leave tries out, or take another sampler")
    changed = set() if node.overridden else _overridden(fields["parameters"], parameters, node.mark.source)
    fixable = {name: known for name, known in parameters.items() if name in changed and isinstance(known, Constant)}
    found, listed, ruled_out, mistakes = list[Try](), list[Try](), 0, Collector(node.mark.source)
    for place, item in enumerate(node.value):
        with mistakes.collecting():
            key = f"tries[{place}]"
            if not isinstance(item.value, dict) or not item.value:
                raise item.fail(key, f"a configuration is a mapping such as {_EXAMPLE}; found {item.found()}")
            given = _values(item.value, parameters, f"{key}.", node.mark.source)
            fixed = {name: parameter.value for name, parameter in fixable.items() if name in given}
            values = {**given, **fixed}
            misfits = list(_misfits(item.value, values, parameters, f"{key}."))
            for _, because, error in misfits:
                if because not in changed:
                    mistakes.take(error)
            kept = _kept(given, values, {name for name, *_ in misfits})
            if kept in found and given not in listed:
                ruled_out += 1
            elif kept.keys() - fixed.keys():
                found.append(kept)
            elif kept != given:
                ruled_out += 1
            listed.append(given)
    mistakes.check()
    return tuple(found), ruled_out


def describe_try(values: Try) -> str:
    """A configuration as `--try` takes it."""
    return ",".join(f"{name}={show(value)}" for name, value in values.items())


def first_in_words(
    tries: Sequence[str], trials: int, *, asked: int = 0, left_out: Mapping[str, int] = MappingProxyType({})
) -> str:
    """What comes first in a search of so many trials, and how many configurations are left out, and why.

    Of more than two the first stands for all, by its first values.

    Args:
        tries: As `describe_try` says them.
        trials: Of the whole search.
        asked: Trials that have begun; what is left out was said as they began.
        left_out: How many others are, by the reason.
    """
    wait = tries[asked:trials]
    first = "; ".join(wait) if len(wait) < 3 else tries_in_short(wait)
    if asked:
        return first
    reasons = dict(left_out)
    if len(tries) > trials:
        room = "there is only 1 trial" if trials == 1 else f"there are only {trials} trials"
        reasons = {room: len(tries) - trials, **reasons}
    said = []
    for why, count in reasons.items():
        others = "more" if tries else "configuration" if count == 1 else "configurations"
        said.append(f"{count} {others} {'is' if count == 1 else 'are'} left out, as {why}")
    return "; ".join([first or "nothing", *said]) if said else first


def tries_in_short(tries: Sequence[str]) -> str:
    """Configurations, at least one, by their number and the first values of the first.

    Args:
        tries: As `describe_try` says them.
    """
    values = _COMMA.split(tries[0])
    first = ",".join(values if len(values) < 5 else [*values[:3], "..."])
    return first if len(tries) == 1 else f"{len(tries)} configurations, the first {first}"


def _values(fields: Mapping[str, Node], parameters: Parameters, prefix: str, source: str) -> Try:
    found, mistakes = dict[str, Any](), Collector(source)
    names = [*fields]
    # What YAML cut off is named, and not also what is left of the number.
    cut = {before for before, name in itertools.pairwise(names) if is_cut_off(name, fields[name])}
    for name, node in fields.items():
        with mistakes.collecting():
            key = f"{prefix}{name}"
            if name not in HYPERPARAMETERS:
                hint = instead_of_key(name, node, HYPERPARAMETERS, listed=_searched(parameters))
                raise node.fail_key(key, f"unknown parameter {name!r}{hint}")
            if name not in cut:
                found[name] = read_value(name, node, key)
    mistakes.check()
    return found


def _kept(given: Try, values: Try, misfits: Collection[str]) -> Try:
    """The values of a configuration that fit; none where a word of it has gone, and its settings with it.

    Args:
        given: The configuration.
        values: It, with the values that overrides fix.
        misfits: The parameters whose values do not fit.
    """
    for name in values:
        word, _ = HYPERPARAMETERS[name].under or ("", ())
        if word in misfits or (name in misfits and word in values and values[word] != given[word]):
            return {}
    return {name: value for name, value in values.items() if name not in misfits}


def _searched(parameters: Parameters) -> list[str]:
    """What may be tried: the parameters that differ between trials; all, where none does."""
    return [name for name, known in parameters.items() if not isinstance(known, Constant)] or list(parameters)


def _misfits(
    fields: Mapping[str, Node], values: Try, parameters: Parameters, prefix: str
) -> Iterator[tuple[str, str, SpaceError]]:
    """What lies outside the space: the parameter, the one that rules it out, and the error."""
    for name, value in values.items():
        node, key = fields[name], f"{prefix}{name}"
        if name not in parameters:
            known = ", ".join(_searched(parameters))
            said = f"{name} is not searched in this space; name one of {known}, or add parameters.{name}"
            yield name, name, node.fail_key(key, said)
        elif not parameters[name].contains(value):
            said = f"{name} must lie in the space, {parameters[name].describe()}; found {show(value)}"
            yield name, name, node.fail(key, f"{said}; widen parameters.{name}, or take another value")
        else:
            for because, said in _unmet(parameters[name], values, parameters):
                yield name, because, node.fail_key(key, said)


def _unmet(parameter: Parameter, values: Try, parameters: Parameters) -> Iterator[tuple[str, str]]:
    """The conditions that the other values do not meet: by parameter, and in words."""
    for condition in parameter.when:
        parent = parameters.get(condition.parent)
        known = values.get(condition.parent, parent.value if isinstance(parent, Constant) else None)
        if known is not None and known not in condition.values:
            needed = " or ".join(show(value) for value in condition.values)
            said = f"{parameter.name} is read where {condition.parent} is {needed}; found {show(known)}; leave it out"
            yield condition.parent, said


def _overridden(node: Node, parameters: Parameters, source: str) -> set[str]:
    """The parameters of a document from `source` that an override changed, or took out.

    Args:
        node: The section of parameters.
        parameters: What it says.
        source: Where the document is from.
    """
    fields = node.value if isinstance(node.value, dict) else {}

    def is_overridden(name: str) -> bool:
        field = fields.get(name)
        if field is None:
            return bool(node.overridden)
        # Those of an override of them all are of another source.
        return name not in parameters or bool(field.overridden) or field.mark.source != source

    return set(filter(is_overridden, HYPERPARAMETERS))
