"""cluster.yaml is one that Ray's own launcher takes."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's autoscaler warns of its own dependencies

CLUSTER = Path(__file__).parents[2] / "cluster.yaml"


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    from ray.autoscaler._private.util import prepare_config

    return prepare_config(config)


def test_ray_s_schema_accepts_it() -> None:
    from ray.autoscaler._private.util import validate_config

    config = prepared(yaml.safe_load(CLUSTER.read_text()))
    validate_config(config)
    [node_type] = config["available_node_types"].values()
    assert node_type["max_workers"] == len(config["provider"]["worker_ips"]) == 2


def test_the_schema_can_refuse() -> None:
    from ray.autoscaler._private.util import validate_config

    config = prepared(yaml.safe_load(CLUSTER.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        validate_config({**config, "setup_comands": []})
