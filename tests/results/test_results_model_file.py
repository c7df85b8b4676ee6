"""What is read of model files without torch is what torch would read."""

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file

from fcsearch.errors import RunError
from fcsearch.results import RunDirectory
from fcsearch.results.model_file import digest_of, facts_in, with_facts
from fcsearch.results.network_files import read_model


@pytest.fixture
def path(run: RunDirectory) -> Path:
    return run.models.path(run.models.saved()[0])


def test_the_digest_is_that_of_earlier_versions(path: Path) -> None:
    assert digest_of(path) == hashlib.sha256(safetensors.torch.save(load_file(path))).hexdigest()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float8_e4m3fn, torch.float64])
def test_weights_of_any_type_have_a_digest_and_stay(tmp_path: Path, kind: torch.dtype) -> None:
    path, weights = tmp_path / "a.safetensors", {"W1": torch.ones(3, 5).to(kind), "b1": torch.zeros(3)}
    safetensors.torch.save_file(weights, path, {"format": "é"})
    assert digest_of(path) == hashlib.sha256(safetensors.torch.save(weights)).hexdigest()
    path.write_bytes(with_facts(path, {"note": "é"}))
    assert facts_in(path) == {"note": "é"}
    again = load_file(path)
    assert {name: tensor.dtype for name, tensor in again.items()} == {"W1": kind, "b1": torch.float32}
    assert torch.equal(again["W1"].float(), torch.ones(3, 5))


def test_a_file_that_is_cut_is_damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(RunError, match="must be a model that fcsearch saved"):
        digest_of(path)


def test_facts_are_added_and_all_else_stays(run: RunDirectory, path: Path) -> None:
    trial, before = run.models.saved()[0], read_model(path)
    run.models.add_facts(trial, {"note": "new"})
    after = read_model(path)
    assert facts_in(path) == {**before.facts, "note": "new"}
    assert after.transform == before.transform
    assert after.network.settings == before.network.settings
    for name, weights in before.network.params.items():
        assert torch.equal(after.network.params[name], weights)


def test_facts_that_are_no_mapping_are_damage(path: Path) -> None:
    safetensors.torch.save_file({"W1": torch.zeros(1)}, path, {"fcsearch.trial": "[1]"})
    with pytest.raises(RunError, match="must be a model that fcsearch saved"):
        facts_in(path)
    path.write_bytes(b"")
    with pytest.raises(RunError, match="must be a model that fcsearch saved"):
        facts_in(path)
