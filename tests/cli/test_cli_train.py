import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from commands import json_of, output_of, ran
from synthetic_run import add_trials, make_run

from fcsearch.cli import cli
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.errors import FcsearchError
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.storage import load_tensors, save_tensors
from fcsearch.results import TRIALS, RunDirectory, open_run
from fcsearch.results.model_file import load_transform

SHORT = ["--hidden-dims", "32", "--epochs", "3", "--learning-rate", "0.05"]


def test_it_trains_and_says_what_came_of_it(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    done = ran("train", *SHORT, "--test", "--save", path)
    assert [line.split()[1] for line in done.output.splitlines() if line.startswith("epoch")] == ["1", "2", "3"]
    _, figures = done.output.split("on 270 test rows, with the weights of that epoch\n")
    assert re.search(r"accuracy +\d\d\.\d\d% +standard error \d\.\d\d points\n +baseline +10\.\d\d%", figures)
    assert "train accuracy is that of a sample of 270 training rows" in done.output
    assert tuple(FullyConnectedNet.load(path).params["W1"].shape) == (64, 32)
    # The file by itself says how rows become features.
    assert load_transform(path) == load_dataset(DatasetSpec("digits")).transform


def test_test_rows_are_measured_when_asked_only() -> None:
    assert "test" not in output_of("train", *SHORT)
    without, measured = json_of("train", *SHORT), json_of("train", *SHORT, "--test")
    added = {name: measured[name] for name in measured if name not in without}
    assert added == {
        "test_accuracy": pytest.approx(0.8, abs=0.15),
        "test_standard_error": pytest.approx(0.025, abs=0.01),
        "test_baseline": pytest.approx(0.1, abs=0.01),
    }


def test_the_solver_says_on_how_many_rows_it_measures_training() -> None:
    first = output_of("train", *SHORT, "--epochs", "1", "--engine", "solver").splitlines()[0]
    assert first == "train accuracy is that of a sample of 1,000 training rows, drawn anew in each epoch"


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_the_solver_reaches_what_the_pack_reaches(rule: str) -> None:
    options = [
        *SHORT,
        "--update-rule",
        rule,
        "--learning-rate",
        "0.002",
        "--loss",
        "svm",
        "--lr-decay",
        "0.9",
        "--test",
    ]
    pack = json_of("train", *options)
    solver = json_of("train", *options, "--engine", "solver")
    assert pack["val_accuracy"] > 0.15
    assert solver["val_accuracy"] == pytest.approx(pack["val_accuracy"], abs=1 / 270 + 1e-9)  # one row, by rounding
    assert solver["test_accuracy"] == pytest.approx(pack["test_accuracy"], abs=1 / 270 + 1e-9)


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_the_engines_agree_on_schedule_smoothing_and_decay(rule: str) -> None:
    rate = "0.05" if rule.startswith("sgd") else "0.002"
    options = [*SHORT, "--update-rule", rule, "--learning-rate", rate, "--label-smoothing", "0.2", "--test"]
    options += ["--lr-schedule", "cosine", "--weight-decay", "3"]
    pack = json_of("train", *options)
    solver = json_of("train", *options, "--engine", "solver")
    assert pack["val_accuracy"] > 0.3
    assert solver["val_accuracy"] == pytest.approx(pack["val_accuracy"], abs=1 / 270 + 1e-9)
    assert solver["test_accuracy"] == pytest.approx(pack["test_accuracy"], abs=1 / 270 + 1e-9)
    plain = json_of("train", *SHORT, "--update-rule", rule, "--learning-rate", rate, "--engine", "solver")
    assert abs(plain["val_accuracy"] - solver["val_accuracy"]) > 1 / 270 + 1e-9


@pytest.mark.parametrize("engine", ["pack", "solver"])
def test_both_engines_drop_inputs_and_save_what_the_network_was_trained_with(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    options = ["--engine", engine, "--label-smoothing", "0.1"]
    result = json_of("train", *SHORT, *options, "--input-dropout", "0.25", "--save", str(path))
    assert result["config"]["input_dropout"] == 0.25
    assert result["val_accuracy"] > 0.6
    assert result["val_accuracy"] != json_of("train", *SHORT, *options)["val_accuracy"]
    saved = FullyConnectedNet.load(path)
    assert (saved.input_dropout, saved.label_smoothing) == (0.25, 0.1)


NEW = ("input_dropout", "weight_decay", "lr_schedule", "label_smoothing")


def make_older(path: Path) -> None:
    """Make a run one of format 1: fewer columns and settings, and `weight_scale` a text that says `init` too."""
    for part in (path / "trials").glob("*.parquet"):
        table = pq.read_table(part)
        scales = zip(table["init"].to_pylist(), table["weight_scale"].to_pylist(), strict=True)
        texts = pa.array(["kaiming" if init == "kaiming" else repr(scale) for init, scale in scales], pa.string())
        table = table.set_column(table.schema.get_field_index("weight_scale"), "weight_scale", texts)
        pq.write_table(table.drop_columns([*NEW, "init"]), part)
    manifest = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**manifest, "format": 1}))
    for model in (path / "models").glob("*.safetensors"):
        tensors, texts = load_tensors(model)
        network = json.loads(texts["fcsearch.network"])
        texts["fcsearch.network"] = json.dumps({name: network[name] for name in network if name not in NEW})
        save_tensors(model, tensors, texts)


def test_a_run_of_before_these_parameters_is_read_reported_trained_again_and_gone_on_with(tmp_path: Path) -> None:
    run = make_run(tmp_path / "old", trials=8, models=1)
    before = run.trials().select(["init", "weight_scale"])
    make_older(run.path)
    assert "lr_schedule" not in pq.read_schema(run.path / "trials" / "pack-000000.parquet").names
    run = RunDirectory.open(run.path)
    opened = open_run(run.path)
    assert opened.trials.select(["init", "weight_scale"]) == before
    # A column that the files lack is null, and stands for what there was: none of it.
    assert {opened.best[name] for name in NEW} == {None}
    config = opened.config()
    assert (config.input_dropout, config.weight_decay, config.lr_schedule) == (0.0, 0.0, "exponential")
    assert json_of("train", "--run", str(run.path), "--epochs", "1")["config"] == {**config.to_json(), "epochs": 1}
    assert opened.load_model().input_dropout == 0.0
    output = output_of("report", run.path)
    assert not [name for name in NEW if name in output]
    # The run goes on, with the columns of today in all its files.
    with run.writing():
        add_trials(run, range(8, 16))
    assert {pq.read_schema(part).names == TRIALS.names for part in (run.path / "trials").glob("*.parquet")} == {True}
    assert open_run(run.path).trials["lr_schedule"].to_pylist() == [None] * 8 + ["exponential"] * 8
    ran("report", run.path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trial", "3"], "--trial needs the trial's run"),
        (
            ["--bins", "1"],
            "bins must be an integer from 2 to 256, or 0 for as many as suit the rows; found 1",
        ),
        (["--weight-scale", "0"], "weight_scale must be a number above 0"),
        (["--bins", "8", "--frequencies", "5"], "--frequencies is read where --preprocessing is periodic; found piece"),
        (
            ["--preprocessing", "quantile", "--frequency-scale", "3"],
            "is periodic; found quantile; leave it out",
        ),
        (
            ["--momentum", "0.5"],
            "--momentum is read where --update-rule is sgd_momentum; found sgd; leave it out, or give",
        ),
        (["--update-rule", "sgd", "--beta1", "0.5"], "--beta1 is read where --update-rule is adam or nadam or lion"),
        (["--loss", "svm", "--label-smoothing", "0.5"], "--label-smoothing is read where --loss is softmax; found svm"),
        (["--huber-delta", "2"], "--huber-delta is read where --loss is huber; found softmax"),
        (["--lr-schedule", "cosine", "--lr-decay", "0.5"], "--lr-decay is read where --lr-schedule is exponential"),
        (
            ["--init", "kaiming", "--weight-scale", "0.1"],
            "--weight-scale is read where --init is normal; found kaiming",
        ),
        (["--hidden-dims", "", "--dropout", "0.5"], "--dropout needs a hidden layer; found a network without one"),
        (["--dropout", "1"], "dropout must be a number in"),
        (["--input-dropout", "1"], "input_dropout must be a number in"),
        (["--label-smoothing", "1"], "label_smoothing must be a number in"),
        (["--weight-decay", "-1"], "weight_decay must be a number of at least 0"),
        (["--device", "cuda:77"], "--device must be a device of this machine"),
        (["--device", "nonsense"], "--device must be cpu, cuda, or one of several, such as cuda:1; found 'nonsense'$"),
        (["--save", "nowhere/at/all.safetensors"], "--save must name a file in a folder that exists"),
        (["--set", "parameters.epochs=3"], "--set must change the dataset here.* found --set parameters.epochs=3"),
        (["--set", "dataset.dropp=a"], "unknown key 'dropp'; did you mean 'drop'"),
        (["--label", "answer"], "--label answer: dataset: dataset option label belongs to files and tables"),
        (["--run", "runs/no-such-run"], "no-such-run"),
    ],
)
def test_bad_options_are_refused_in_words(options: list[str], message: str) -> None:
    with pytest.raises(FcsearchError, match=message) as error:
        ran("train", *options)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--hidden-dims", "1,024"],
            "integers separated by commas are needed, such as 512,256 and not 0512; found '1,024'",
        ),
        (["--learning-rate", "0,001"], "must be a number; found '0,001'; a number has a decimal point: 0.001"),
        (["--seed", "1,000"], "must be an integer; found '1,000'; write it without commas: 1000"),
    ],
)
def test_numbers_with_commas_are_refused_with_how_to_write_them(options: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["train", *options])
    assert result.exit_code == 2
    assert message in result.output


def test_an_option_of_another_tasks_default_loss_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("\n".join(["size,price", *(f"{i % 7},{i / 7}" for i in range(200))]))
    options = ["--dataset", str(tmp_path / "table.csv"), "--label", "price", "--label-smoothing", "0.1"]
    test_bad_options_are_refused_in_words(options, "--label-smoothing is read where --loss is softmax; found squared")


def test_weights_that_cannot_be_saved_are_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    test_bad_options_are_refused_in_words(
        ["--save", str(tmp_path / "best.safetensors")], "--save must be a file that can be written"
    )


@pytest.mark.parametrize("engine", ["pack", "solver"])
def test_training_that_diverges_fails_and_says_what_to_change(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "diverged.safetensors"
    command = ["--learning-rate", "1e30", "--epochs", "2", "--engine", engine, "--format", "json", "--save", str(path)]
    done = CliRunner().invoke(cli, ["train", *command])
    assert isinstance(done.exception, FcsearchError)
    assert done.exception.exit_code == 1
    assert "nothing was saved. To train on, lower --learning-rate or --reg" in str(done.exception)
    assert not path.exists()
    found = json.loads(done.stdout)
    assert (found["state"], found["best_epoch"], found["val_accuracy"]) == ("diverged", None, None)


def test_the_figures_are_printed_before_the_network_is_saved(tmp_path: Path) -> None:
    # A name that, with the ending of an unfinished file, is too long for a file system.
    path = tmp_path / f"{'x' * 240}.safetensors"
    done = CliRunner().invoke(cli, ["train", *SHORT, "--save", str(path)])
    assert "validation accuracy" in done.stdout
    assert "saved to" not in done.stdout
    assert f"{path} must be a file that can be written; found: File name too long;" in str(done.exception)
    assert ".part" not in str(done.exception)


def test_a_table_is_learned_by_the_column_that_label_names(tmp_path: Path) -> None:
    rows = [f"{i % 7},{'yes' if i % 7 > 3 else 'no'},{i % 3}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(["size,answer,other", *rows]))
    options = ["--dataset", str(tmp_path / "table.csv"), "--label", "answer", "--epochs", "30", "--batch-size", "20"]
    options.append("--test")
    result = json_of("train", *options, "--learning-rate", "0.1")
    assert result["dataset"]["class_names"] == ["no", "yes"]
    assert result["test_accuracy"] > 0.9


def test_columns_of_a_table_are_left_out_as_the_error_says(tmp_path: Path) -> None:
    rows = [f"id{i:04},{i % 7},{'yes' if i % 7 > 3 else 'no'}" for i in range(200)]
    (tmp_path / "customers.csv").write_text("\n".join(["customer_id,size,churn", *rows]))
    options = ["--dataset", str(tmp_path / "customers.csv"), "--label", "churn", "--epochs", "2"]
    with pytest.raises(FcsearchError, match=r"--set 'dataset.drop=\[\"customer_id\"\]'"):
        ran("train", *options)
    result = json_of("train", *options, "--set", 'dataset.drop=["customer_id"]', "--set", "dataset.test_fraction=0.3")
    assert result["dataset"]["ignored_columns"] == ["customer_id"]
    assert result["dataset"]["rows"]["test"] == 60
