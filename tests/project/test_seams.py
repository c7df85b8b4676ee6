"""No test puts another value in the place of a private name of the program: what it has to vary is an argument."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PRIVATE = re.compile(r"_[a-z]\w*|_?[A-Z][A-Z0-9_]+")
# Replaced nevertheless: what a search does where no caller has a choice.
EXCEPTIONS = {
    "_train_trials",  # a time budget that ends just when the last trial does
    "SILENCE_SECONDS",  # a minute for which each search waits for another machine
    "END_SECONDS",  # a minute for which each search tries to reach its bucket
}


def foreign(nodes: list[ast.AST]) -> set[str]:
    """Names of what is not the program: other packages, and scripts."""
    found = set()
    for node in nodes:
        match node:
            case ast.Import(names) | ast.ImportFrom(None, names):
                found |= {(name.asname or name.name).split(".")[0] for name in names}
            case ast.ImportFrom(module, names) if module.split(".")[0] != "fcsearch":
                found |= {name.asname or name.name for name in names}
            case ast.Assign(targets, value) if "importlib." in ast.unparse(value):
                found |= set(re.findall(r"\w+", ast.unparse(targets[0])))
    return found - {"fcsearch"}


def replaced(path: Path) -> list[str]:
    """The private names of the program, and its constants, that a file replaces by `setattr` or `delattr`."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    others, found = foreign(nodes), []
    for node in nodes:
        match node:
            case ast.Call(ast.Attribute(attr="setattr" | "delattr"), [ast.Constant(str(text)), *_]):
                owner, _, name = text.rpartition(".")
            case ast.Call(ast.Attribute(attr="setattr" | "delattr"), [target, ast.Constant(str(name)), *_]):
                owner = ast.unparse(target)
            case _:
                continue
        if PRIVATE.fullmatch(name) and owner.split(".")[0] not in others:
            found.append(name)
    return found


def test_no_test_replaces_a_private_name_or_a_constant() -> None:
    found = {str(path.relative_to(TESTS)): set(replaced(path)) for path in TESTS.rglob("*.py")}
    assert set().union(*found.values()) >= EXCEPTIONS, "an exception that nothing needs"
    assert {path: names - EXCEPTIONS for path, names in found.items() if names - EXCEPTIONS} == {}


def test_a_private_name_that_is_replaced_is_found(tmp_path: Path) -> None:
    (tmp_path / "test.py").write_text(
        "import os, fcsearch.cli.run\nfrom fcsearch.data import images\nfrom ray._private import services\n"
        "patch.setattr(images, '_CHUNK', 1)\npatch.setattr('fcsearch.machine.CGROUP', 2)\npatch.delattr(a._x, '_y')\n"
        "patch.setattr(fcsearch.cli.run, '_tell', 3)\npatch.setattr(images, 'decode', 4)\n"
        "patch.setattr(os, '_exit', 5)\npatch.setattr(services, '_node', 6)\n"
    )
    assert replaced(tmp_path / "test.py") == ["_CHUNK", "CGROUP", "_y", "_tell"]
