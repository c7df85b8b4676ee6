"""`fcsearch check`: what it prints, and that it can fail."""

import json
import re
from collections.abc import Callable

import pytest
import torch
from click.testing import CliRunner
from commands import json_of, output_of

from fcsearch.cli import main
from fcsearch.cli.check import check
from fcsearch.nn import Linear
from fcsearch.nn.gradcheck import LIMITS, PLAIN_NET, Check
from fcsearch.training.engine.regularisation import WeightDecay


@pytest.fixture
def _broken_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Linear.backward_params
    monkeypatch.setattr(
        Linear, "backward_params", staticmethod(lambda dout, cache: (-right(dout, cache)[0], right(dout, cache)[1]))
    )


@pytest.fixture
def _packs_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs take most of the time, and tests/training has their checks: one stands for all."""
    passed = Check("sgd steps", "W1", PLAIN_NET[torch.float32], 1e-8, "torch")
    monkeypatch.setattr("fcsearch.training.checks.run_engine_checks", lambda _: [passed])


def test_all_passes_on_this_machine() -> None:
    output = output_of("check", "--device", "cpu")
    lines = output.splitlines()
    verdicts = {line.split("  ")[0]: line.split()[-1] for line in lines if re.search(r"\d\.\de[+-]\d\d  ", line)}
    assert set(verdicts.values()) == {"pass"}
    assert {"Linear, x (N, D)", "softmax_loss", "TwoLayerNet", "adam, 50 steps"} <= set(verdicts)
    assert {"relu passes", "softmax loss", "adam steps", "training, L2", "training, adam"} <= set(verdicts)
    assert "checks in" in lines[-1]
    assert f"on cpu (torch {torch.__version__})" in lines[-1]
    assert max(map(len, lines)) <= 100


def test_json_holds_every_comparison() -> None:
    found = json_of("check", "--device", "cpu")
    assert found["passed"] is True
    assert (found["device"], found["torch"]) == ("cpu", torch.__version__)
    assert {row["reference"] for row in found["checks"]} == set(LIMITS)
    assert all(
        row["passed"] and row["relative_error"] < row["limit"] == LIMITS[row["reference"]] for row in found["checks"]
    )


@pytest.mark.usefixtures("_broken_linear", "_packs_unchecked")
def test_a_failure_is_shown_named_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--device", "cpu"])
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    lines = {line.split("  ")[0]: line.rstrip() for line in out.splitlines()}
    assert lines["Linear, x (N, D)"].endswith("FAIL w")
    assert lines["TwoLayerNet"].endswith("FAIL W1, W2")
    assert lines["ReLU"].endswith("pass")
    assert err.startswith("fcsearch: every check must pass; ")
    assert (
        "the first on cpu: Linear, x (N, D), w against central differences (plain net): relative error 1.0e+00, "
        "limit 1e-07" in err
    )


@pytest.mark.usefixtures("_broken_linear", "_packs_unchecked")
def test_a_failure_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--device", "cpu", "--format", "json"])
    assert ended.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is False
    failed = {row["quantity"] for row in found["checks"] if not row["passed"] and row["arithmetic"] == "plain net"}
    assert failed == {"w", "W1", "W2", "W3", "W4", "W5"}


@pytest.mark.usefixtures("_packs_unchecked")
def test_an_error_that_is_not_a_number_fails_and_is_null_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        Linear, "backward_params", staticmethod(lambda _, cache: (cache.w * torch.nan, cache.b * torch.nan))
    )
    with pytest.raises(SystemExit):
        main(["check", "--device", "cpu", "--format", "json"])
    rows = json.loads(capsys.readouterr().out)["checks"]
    assert any(row["relative_error"] is None and not row["passed"] for row in rows)
    with pytest.raises(SystemExit):
        main(["check", "--device", "cpu"])
    assert "nan" in capsys.readouterr().out


def test_a_device_that_is_not_there_is_refused(refused: Callable[..., str]) -> None:
    err = refused("check", "--device", "cuda:99")
    assert err.startswith("fcsearch: --device must be auto, or one of cpu")
    assert "on this machine; found 'cuda:99'" in err


def test_a_wrong_engine_is_shown_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fcsearch.nn.selfcheck.run_checks", lambda _: [])
    monkeypatch.setattr(WeightDecay, "shrink", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        main(["check", "--device", "cpu"])
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    lines = {line.split("  ")[0]: line.rstrip() for line in out.splitlines()}
    assert "FAIL" in lines["training, weight decay"]
    assert lines["training, L2"].endswith("pass")
    assert "failed, the first on cpu: training, weight decay, W1 alone against plain net, float64" in err


@pytest.mark.usefixtures("_packs_unchecked")
def test_auto_is_every_device_there_is() -> None:
    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    found = json.loads(CliRunner().invoke(check, ["--format", "json"]).output)
    assert found["device"] == ", ".join(devices)
    assert {row["device"] for row in found["checks"]} == set(devices)
