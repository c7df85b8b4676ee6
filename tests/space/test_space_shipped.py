"""The spaces that ship: found by name, in a clone and in a wheel, and the pattern of their files."""

import dataclasses
import functools
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from fcsearch.data import DATASET_NAMES, DatasetSpec
from fcsearch.errors import SpaceError
from fcsearch.space import SearchSpace, find_space, load_space, shipped_spaces, space_schema
from fcsearch.space.as_yaml import quoted
from fcsearch.space.document import read_text
from fcsearch.space.template import opening_comment, space_text

ROOT = Path(__file__).parents[2]


def test_a_clone_ships_the_files_of_its_folder() -> None:
    assert list(shipped_spaces().values()) == sorted((ROOT / "search_spaces").glob("*.yaml"))
    assert not set(shipped_spaces()) & set(DATASET_NAMES)


@pytest.mark.parametrize("text", ["full.yaml", "full.yml", f"folder{os.sep}full", "./full"])
def test_a_path_is_a_path_also_where_nothing_is_there(text: str) -> None:
    assert find_space(text) == Path(text)


def test_a_name_is_what_ships_and_no_file_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").write_text("parameters: {epochs: 1}")
    assert load_space(find_space("full")).trials == 60
    with pytest.raises(SpaceError, match=r"no space called 'ful' ships; .*default.*Did you mean 'full'\?"):
        find_space("ful")
    with pytest.raises(SpaceError, match=r"ends in \.yaml or \.yml\.$"):
        find_space("zzz")


@pytest.mark.parametrize("text", ["cust.csv", "./cust.csv", "my rows.PARQUET"])
def test_a_dataset_in_a_space_s_place_is_named_as_one(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpaceError, match=f"^no space called '{text}' ships; those that do are"):
        find_space(text)
    (tmp_path / text).touch()
    name = f"'{text}'" if " " in text else text
    with pytest.raises(SpaceError) as caught:
        find_space(text)
    assert str(caught.value) == (
        f"no space called '{text}' ships: it is a dataset. `fcsearch init {name}` writes a space for it, and "
        f"`fcsearch run {name}` searches it"
    )


def test_a_wheel_and_an_sdist_hold_the_spaces(tmp_path: Path) -> None:
    setuptools = pytest.importorskip("setuptools", reason="a wheel is built with setuptools, which is not installed")
    if int(setuptools.__version__.split(".")[0]) < 77:
        pytest.skip("setuptools is older than what builds the wheel")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("fcsearch", "search_spaces"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # From the unpacked sdist, as pip builds it: the wheel has no more than that.
    build = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
    python = functools.partial(subprocess.run, check=True, capture_output=True, text=True)
    python([sys.executable, "-c", build, "build_sdist", tmp_path], cwd=source)
    [sdist] = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(sdist, tmp_path, filter="data")
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")
    python([sys.executable, "-c", build, "build_wheel", tmp_path], cwd=unpacked)
    [wheel] = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    listing = "import json, fcsearch.space as s; print(json.dumps({k: str(v) for k, v in s.shipped_spaces().items()}))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
    done = python([sys.executable, "-c", listing], cwd=tmp_path, env=environment)
    found = {name: Path(path) for name, path in json.loads(done.stdout).items()}
    assert list(found) == list(shipped_spaces())
    assert {path.parent for path in found.values()} == {tmp_path / "site" / "fcsearch" / "search_spaces"}
    packages = {path.parent.relative_to(ROOT) for path in (ROOT / "fcsearch").rglob("__init__.py")}
    assert all((tmp_path / "site" / package / "__init__.py").is_file() for package in packages)


@pytest.mark.parametrize("name", list(shipped_spaces()))
def test_each_can_be_written_for_other_data(name: str) -> None:
    spec = DatasetSpec('a "b"\\c\n\x7f no.csv', label="no", drop=("id", "x: y # z", "a\u2028b", "ü", "7"))
    base = shipped_spaces()[name].read_text()
    text = space_text(base, name="mine", spec=spec, comment=["a column\ncalled: so\u2028", "", "  end"])
    assert text.startswith("# a column\\U0000000acalled: so\\U00002028\n#\n#   end\n\nname: mine")
    root = read_text(text, "text")
    jsonschema.validate(root.plain(), space_schema())
    space = SearchSpace.from_node(root, default_name="")
    original = load_space(shipped_spaces()[name])
    assert space.dataset == dataclasses.replace(spec, folds=original.dataset.folds)
    assert (space.parameters, space.trials, space.sampler) == (original.parameters, original.trials, original.sampler)


@pytest.mark.parametrize(("text", "yaml"), [("a_b/c.csv", "a_b/c.csv"), ("no", '"no"'), ("1", '"1"'), ("", '""')])
def test_what_another_reader_would_take_for_no_text_is_quoted(text: str, yaml: str) -> None:
    assert quoted(text) == yaml


def test_the_opening_comment_is_one_line() -> None:
    assert opening_comment("# Does it\n# fit?\n#\n#   command\nname: x\ndataset: y\nrest\n") == "Does it fit?"
