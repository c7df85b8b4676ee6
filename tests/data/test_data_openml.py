"""openml.org as scikit-learn sees it, served by a web server on loopback in the real formats."""

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from fcsearch.data.sources.download import cache_folder

pytest.importorskip("pandas")
openml = pytest.importorskip("sklearn.datasets._openml")

ARFF = "@relation toy\n@attribute row numeric\n@attribute size numeric\n"
ARFF += "@attribute level {1,2,3}\n@attribute 'kind' {ape,bee}\n@data\n"
ARFF += "".join(f"{n},{n * n % 11 if n % 5 else '?'},{n % 3 + 1},{'ape' if n % 2 else 'bee'}\n" for n in range(60))


def feature(name: str, kind: str, **flags: str) -> dict[str, object]:
    plain = {"is_target": "false", "is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
    return {"name": name, "data_type": kind, **plain, **flags}


def toy(target: str | None = "kind") -> dict[str, object]:
    """What openml.org answers, by path."""
    features = [
        feature("row", "numeric", is_row_identifier="true"),
        feature("size", "numeric"),
        feature("level", "nominal", nominal_value=["1", "2", "3"]),  # type: ignore[arg-type]
        feature("kind", "nominal", nominal_value=["ape", "bee"]),  # type: ignore[arg-type]
    ]
    for index, entry in enumerate(features):
        entry["index"] = str(index)
        entry["is_target"] = "true" if entry["name"] == target else "false"
    description = {"id": "7", "name": "toy", "version": "2", "format": "ARFF", "status": "active", "file_id": "70"}
    description |= {"url": "https://www.openml.org/data/v1/download/70/toy.arff", "description": "A toy."}
    description |= {"md5_checksum": hashlib.md5(ARFF.encode()).hexdigest()}
    listed = {"did": 7, "name": "toy", "version": 2, "status": "active", "format": "ARFF", "file_id": 70}
    return {
        "api/v1/json/data/list/data_name/toy/limit/2/status/active/index.html": {"data": {"dataset": [listed]}},
        "api/v1/json/data/7": {"data_set_description": description},
        "api/v1/json/data/features/7": {"data_features": {"feature": features}},
        "api/v1/json/data/qualities/7": {
            "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "60.0"}]}
        },
    }


@pytest.fixture
def serve(web: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Sends scikit-learn to the loopback server instead of openml.org."""
    address, folder = web
    real = urllib.request.urlopen

    def redirected(request: urllib.request.Request, **options: Any) -> Any:
        path = request.full_url.removeprefix("https://www.openml.org/")
        assert path != request.full_url
        try:
            return real(address + path, **options)
        except urllib.error.HTTPError as error:
            error.close()
            # The real one says 412 for what it does not know.
            raise urllib.error.HTTPError(error.url, 412, "Precondition failed", error.headers, None) from None

    def publish(answers: dict[str, Any]) -> None:
        (folder / "data/v1/download/70").mkdir(parents=True)
        (folder / "data/v1/download/70/toy.arff").write_text(ARFF)
        for path, answer in answers.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(json.dumps(answer))
        monkeypatch.setattr(openml, "urlopen", redirected)

    return publish


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openml, "urlopen", Mock(side_effect=urllib.error.URLError("no route to host")))
    monkeypatch.setattr(openml.time, "sleep", Mock())  # between retries


@pytest.mark.parametrize("name", ["openml:7", "openml:toy", "openml:Toy"])
def test_by_number_and_by_name(serve, load, name: str) -> None:
    serve(toy())
    data = load(name, preprocessing="none", test_fraction=0)
    assert data.class_names == ("ape", "bee")
    assert data.input_dim == 4  # size and three levels; not the row's number
    X = np.concatenate([data.train.X, data.val.X])
    assert X[:, 1:].sum(0).tolist() == [20, 20, 20]
    assert np.isfinite(X).all()
    assert (data.describe()["openml_id"], data.describe()["openml_version"], data.name) == (7, 2, name)


def test_another_label_and_a_dropped_column(serve, load) -> None:
    serve(toy())
    assert load("openml:7", label="level", drop=["kind"]).describe()["label"] == "level"


def test_it_is_kept_and_found_in_the_users_folder(serve, load, tmp_path, request) -> None:
    serve(toy())
    known = load("openml:7").fingerprint
    request.getfixturevalue("no_network")
    assert load("openml:7").fingerprint == known
    (cache_folder() / "openml").rename(tmp_path / "openml")
    assert load("openml:7", data_dir=str(tmp_path)).fingerprint == known


@pytest.mark.usefixtures("no_network")
def test_without_a_network(refusal) -> None:
    message = refusal("openml:61")
    assert "openml:61 must be downloaded once, and that failed (no route to host)" in message
    assert "fetch_openml(data_id=61, data_home=FOLDER)" in message
    assert "FCSEARCH_DATA" in message


def test_what_openml_does_not_know_or_cannot_be_learned(serve, refusal) -> None:
    serve(toy())
    assert "found: No active dataset toys found" in refusal("openml:toys")
    assert "found: Dataset with data_id 8 not found" in refusal("openml:8")
    assert "Could not find target_column='kin'" in refusal("openml:7", label="kin")
    assert "must be followed by a dataset's name or number" in refusal("openml:")
    assert "option test belongs to files" in refusal("openml:7", test="a.csv")


def test_a_dataset_without_a_target(serve, refusal, load) -> None:
    serve(toy(target=None))
    message = refusal("openml:7")
    assert "must have one target column; found none among size, level, kind" in message
    assert load("openml:7", label="kind").class_names == ("ape", "bee")


def test_a_damaged_download(serve, refusal, web) -> None:
    serve(toy())
    (web[1] / "data/v1/download/70/toy.arff").write_text(ARFF + "99,1,1,ape\n")
    assert "md5" in refusal("openml:7")
