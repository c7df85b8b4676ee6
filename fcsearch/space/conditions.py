"""When a parameter applies: the conditions that a space writes (`when`), and those that follow from the network.

A setting that a trial's network never reads is not sampled for it, whether or not the file says so: Optuna would learn
from noise. `fcsearch.config` declares when a setting is read: `momentum` under `sgd_momentum`, for example, and
`dropout` only with a hidden layer. A setting that would apply to no trial is an error, unless an override
(`--set parameters.update_rule=adam`) is the reason: then it is left out.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import SpaceError
from fcsearch.space.mistakes import Collector
from fcsearch.space.nodes import Node, instead_of_key, spaced
from fcsearch.space.parameters import Condition, Parameter, show
from fcsearch.space.reading import PARAMETER_KEYS, read_parameter
from fcsearch.space.when import read_when, when_of


def read_parameters(node: Node) -> dict[str, Parameter]:
    """Every parameter of a space, parents before the parameters that depend on them.

    Raises:
        SpaceError: unknown names, values that cannot be, conditions that cannot hold or that form a circle.
    """
    if not isinstance(node.value, dict) or not node.value:
        hint = spaced(node.value, HYPERPARAMETERS) if isinstance(node.value, str) else ""
        raise node.fail("parameters", f"a mapping of at least one parameter is needed; found {node.found()}{hint}")
    _check_each(node.value, node.mark.source)
    nodes = _with_implied_parents(_without_replaced_layers(node.value))
    for name in ("depth", "hidden_dim"):
        if name in nodes and "hidden_dims" in nodes:
            raise nodes[name].fail_key(
                f"parameters.{name}",
                f"hidden_dims already gives the layers; keep hidden_dims or depth and hidden_dim, not {name} too",
            )
    drafts, mistakes = {name: read_parameter(name, field) for name, field in nodes.items()}, Collector(node.mark.source)
    for name, field in nodes.items():
        with mistakes.collecting():
            drafts[name] = dataclasses.replace(drafts[name], when=read_when(name, field, drafts, named=drafts))
    mistakes.check()
    resolved, refused = dict[str, Parameter](), set[str]()
    for name in _order(drafts, nodes):
        # What is wrong with a parent says nothing of its children.
        if not refused.isdisjoint(_parents(drafts[name])):
            continue
        try:
            parameter = _resolve(drafts[name], nodes, resolved)
        except SpaceError as error:
            mistakes.take(error)
            refused.add(name)
        else:
            if parameter is not None:
                resolved[name] = parameter
    mistakes.check()
    return resolved


def _check_each(nodes: Mapping[str, Node], source: str) -> None:
    """Refuse every unknown name, and every parameter that is wrong by itself, its conditions included."""
    found, drafts = Collector(source), dict[str, Parameter]()
    for name, field in nodes.items():
        with found.collecting():
            if name not in HYPERPARAMETERS:
                outside = name in PARAMETER_KEYS
                hint = "; indent it below its parameter" if outside else instead_of_key(name, field, HYPERPARAMETERS)
                raise field.fail_key("parameters", f"unknown parameter {reprlib.repr(name)}{hint}")
            drafts[name] = read_parameter(name, field)
    known = [HYPERPARAMETERS[name] for name in nodes if name in HYPERPARAMETERS]
    implied = [parameter.under[0] for parameter in known if parameter.implies_parent and parameter.under]
    # A name that is unknown may mean any of them.
    named = {*nodes, *implied} if len(known) == len(nodes) else HYPERPARAMETERS
    for name, field in nodes.items():
        if name in HYPERPARAMETERS:
            with found.collecting():
                read_when(name, field, drafts, named=named)
    found.check()


def _without_replaced_layers(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Take the file's `depth` and `hidden_dim` out where an override gives `hidden_dims`, and the other way round."""
    said = {name: nodes[name].overridden for name in ("depth", "hidden_dim", "hidden_dims") if name in nodes}
    replaced: set[str] = set()
    if said.get("hidden_dims"):
        replaced = {name for name in ("depth", "hidden_dim") if name in said and not said[name]}
    elif said.get("depth") or said.get("hidden_dim"):
        replaced = {"hidden_dims"}
    return {name: field for name, field in nodes.items() if name not in replaced}


def _with_implied_parents(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Add what a parameter implies: `weight_scale: 0.01` means `init: normal` in the same trials.

    The form of earlier versions, `weight_scale: {choices: [kaiming, 0.01]}`, stays as it is, so that their runs go on.
    """
    children: dict[str, dict[str, str]] = {}
    for name, node in nodes.items():
        parameter = HYPERPARAMETERS[name]
        if not parameter.implies_parent or parameter.under is None:
            continue
        parent, values = parameter.under
        old = _mentions(node, parameter.old_words)
        if old and parent in nodes:
            raise node.fail_key(
                f"parameters.{name}",
                f"{' and '.join(parameter.old_words)} is a value of {parent} now; keep only numbers here",
            )
        if not old and parent not in nodes:
            children.setdefault(parent, {})[name] = values[0]
    return {**nodes, **{parent: _implied(parent, names, nodes) for parent, names in children.items()}}


def _implied(parent: str, children: Mapping[str, str], nodes: Mapping[str, Node]) -> Node:
    """The parent that parameters imply by the value of each: in all trials if one of them is, else where they are."""
    first, *others = children
    conditions = {name: when_of(nodes[name]) for name in children}
    always = None in conditions.values()
    for name in others:
        if children[name] != children[first]:
            implied = f"{parent} {children[first]} and {children[name]}"
        elif not always and _plain(conditions[name]) != _plain(conditions[first]):
            implied = f"{parent} {children[first]}, each under a condition of its own"
        else:
            continue
        raise nodes[name].fail_key(
            f"parameters.{name}", f"{first} and {name} imply {implied}; add {parent} to the parameters"
        )
    when = None if always else conditions[first]
    value = dataclasses.replace(nodes[first], value=children[first], overridden="")
    return value if when is None else dataclasses.replace(value, value={"value": value, "when": when})


def _plain(node: Node | None) -> Any:
    return None if node is None else node.plain()


def _mentions(node: Node, words: tuple[str, ...]) -> bool:
    """Whether one of the words is a value in here."""
    if isinstance(node.value, dict):
        return any(_mentions(item, words) for item in node.value.values())
    if isinstance(node.value, tuple):
        return any(_mentions(item, words) for item in node.value)
    return node.value in words


def _parents(parameter: Parameter) -> list[str]:
    """The parameters that `parameter` may depend on, written or not."""
    parents = [condition.parent for condition in parameter.when]
    known = HYPERPARAMETERS[parameter.name]
    if known.under is not None:
        parents.append(known.under[0])
    if known.needs_hidden_layer:
        parents += ["depth", "hidden_dims"]
    return parents


def _order(drafts: Mapping[str, Parameter], nodes: Mapping[str, Node]) -> list[str]:
    """Names, parents first and otherwise as in the file."""
    order: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in order or name not in drafts:
            return
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise nodes[name].fail_key(f"parameters.{name}", f"conditions must not form a circle; found {circle}")
        path.append(name)
        for parent in _parents(drafts[name]):
            visit(parent)
        path.pop()
        order.append(name)

    for name in drafts:
        visit(name)
    return order


def _resolve(draft: Parameter, nodes: Mapping[str, Node], resolved: Mapping[str, Parameter]) -> Parameter | None:
    """The parameter with all its conditions, those that always hold left out; None if an override made it pointless."""
    node, conditions, pointless = nodes[draft.name], [], False
    mistakes = Collector(node.mark.source)
    for parent, written, needed in _demands(draft, resolved):
        possible = _possible(parent, resolved)
        lenient = parent in nodes and (nodes[parent].overridden != "" or parent not in resolved)
        with mistakes.collecting():
            values = _meet(draft.name, node, parent, written, needed, possible, lenient=lenient)
            pointless = pointless or not values
            if len(values) < len(possible):
                conditions.append(Condition(parent, values))
    mistakes.check()
    return None if pointless else dataclasses.replace(draft, when=tuple(conditions))


def _demands(
    draft: Parameter, resolved: Mapping[str, Parameter]
) -> list[tuple[str, tuple[Any, ...] | None, tuple[Any, ...] | None]]:
    """Parent, the values of it that the file asks for, those that the network needs (None: any will do)."""
    written = {condition.parent: condition.values for condition in draft.when}
    needed: dict[str, tuple[Any, ...]] = {}
    known = HYPERPARAMETERS[draft.name]
    if known.under is not None and not _has_old_words(draft):
        needed[known.under[0]] = known.under[1]
    if known.needs_hidden_layer:
        layers = "hidden_dims" if "hidden_dims" in resolved else "depth"
        needed[layers] = tuple(value for value in _possible(layers, resolved) if value not in ((), 1))
    parents = list(dict.fromkeys([*needed, *written]))
    return [(parent, written.get(parent), needed.get(parent)) for parent in parents]


def _has_old_words(draft: Parameter) -> bool:
    words = HYPERPARAMETERS[draft.name].old_words
    return any(value in words for value in (draft.finite_values() or ()) if isinstance(value, str))


def _possible(parent: str, resolved: Mapping[str, Parameter]) -> tuple[Any, ...]:
    """Every value that `parent` has in some trial, its default where it does not always apply."""
    if parent not in resolved:
        return (HYPERPARAMETERS[parent].default,)
    values = tuple(resolved[parent].finite_values() or ())
    return tuple(dict.fromkeys([*values, *([HYPERPARAMETERS[parent].default] if resolved[parent].when else [])]))


def _meet(
    name: str,
    node: Node,
    parent: str,
    written: tuple[Any, ...] | None,
    needed: tuple[Any, ...] | None,
    possible: tuple[Any, ...],
    *,
    lenient: bool,
) -> tuple[Any, ...]:
    """The values of `parent` under which `name` applies, in the order of `possible`."""
    key, mistakes = f"parameters.{name}", Collector(node.mark.source)
    for value in written or ():
        if value not in possible and not lenient:
            known = ", ".join(show(item) for item in possible[:20])
            said = f"{parent} is never {show(value)} in this space; it can be {known}"
            mistakes.take(node.fail_key(f"{key}.when", said))
        elif needed is not None and value in possible and value not in needed:
            said = f"{name} does nothing where {parent} is {show(value)}; take that value out"
            mistakes.take(node.fail_key(f"{key}.when", said))
    mistakes.check()
    asked = possible if written is None else written
    values = tuple(value for value in possible if value in asked and (needed is None or value in needed))
    if not values and not lenient:
        raise node.fail_key(key, _pointless(name, parent, needed or (), possible))
    return values


def _pointless(name: str, parent: str, needed: tuple[Any, ...], possible: tuple[Any, ...]) -> str:
    """Why `name` applies to no trial, and what to do."""
    has = ", ".join(show(value) for value in possible[:20])
    if parent not in ("depth", "hidden_dims"):
        cure = f"add {needed[0]} to {parent}, or take {name} out"
        return f"{name} is read by {' and '.join(needed)} only, and {parent} is {has}; {cure}"
    return f"{name} needs a hidden layer, and {parent} is {has}; make {parent} deeper, or take {name} out"
