"""What a parameter may be: every refusal names the key, the place, what was found and what would do."""

from collections.abc import Callable

import pytest

from fcsearch.space import Choices, Constant, Range, SearchSpace

# What a JSON Schema cannot refuse: two numbers compared, kinds of numbers, options that exclude each other.
BEYOND_A_SCHEMA = (
    "dropout: {low: 0.5, high: 0.1}",
    "dropout: .nan",
    "learning_rate: .inf",
    "learning_rate: 1e999",
    "epochs: {low: 2.0, high: 5}",
    "epochs: {low: 1e1, high: 50}",
    "epochs: {low: 1, high: 9, step: 3}",
    "dropout: {low: 0, high: 0.5, step: 0.2}",
    "reg: {low: 0, high: 1, step: 1e-9}",
    "init: normal, weight_scale: kaiming",
    "trials: 2.0",
    "sampler: {name: tpe, multivariate: false, group: true}",
    "sampler: {name: cmaes, with_margin: true, lr_adapt: true}",
    "sampler: cmaes",
    "sampler: grid",
    "dataset: {bins: 8}",
    "dataset: {source: a.csv, group: a, time: b}",
    "dataset: {test_fraction: 0.9}",
)


def test_constants_ranges_and_choices_have_the_types_of_a_trial(load: Callable[..., SearchSpace]) -> None:
    space = load("""
parameters:
  learning_rate: {low: 1e-4, high: 1, log: true}
  epochs: {low: 2, high: 10, step: 4}
  dropout: {choices: [0, 0.25, 5e-1]}
  reg: 0
  lr_decay: {value: 1}
  weight_scale: {choices: [1, kaiming]}
  hidden_dims: {choices: [[512, 256], [64], []]}
  loss: svm
""")
    assert space.parameters["learning_rate"] == Range("learning_rate", 1e-4, 1.0, log=True)
    assert space.parameters["epochs"] == Range("epochs", 2, 10, step=4)
    assert space.parameters["reg"] == Constant("reg", 0.0)
    assert space.parameters["lr_decay"] == Constant("lr_decay", 1.0)
    assert space.parameters["hidden_dims"] == Choices("hidden_dims", ((512, 256), (64,), ()))
    assert space.parameters["weight_scale"] == Choices("weight_scale", (1.0, "kaiming"))
    dropout = space.parameters["dropout"]
    assert isinstance(dropout, Choices)
    assert [type(value) for value in dropout.choices] == [float] * 3
    low = space.parameters["learning_rate"]
    assert isinstance(low, Range)
    assert type(low.high) is float


def test_a_list_is_a_constant_for_hidden_dims(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {hidden_dims: [512, 256]}")
    assert space.parameters["hidden_dims"] == Constant("hidden_dims", (512, 256))
    assert space.trial_config({"hidden_dims": (512, 256)}, seed=3).depth == 3


@pytest.mark.parametrize(
    ("parameter", "where", "says"),
    [
        ("learning_rat: 0.1", "1:14: parameters", "unknown parameter 'learning_rat'; did you mean 'learning_rate'?"),
        ("zzz: 1", "1:14: parameters", "known: hidden_dims, depth"),
        ("dropout: {low: 0.5, high: 0.1}", "1:29: parameters.dropout.low", "found low 0.5, high 0.1"),
        ("reg: {low: 0, high: 1, log: true}", "1:25: parameters.reg.low", "a log range must lie above 0; found low 0"),
        (
            "learning_rate: {low: 0, high: 1, log: true}",
            "1:35: parameters.learning_rate.low",
            "must be a number above 0",
        ),
        ("dropout: {low: 0, high: 1}", "1:38: parameters.dropout.high", "must be a number in [0, 1)"),
        ("dropout: 1.0", "1:23: parameters.dropout", "dropout must be a number in [0, 1); found 1.0"),
        ("dropout: {choices: [0.1, -0.1]}", "1:39: parameters.dropout.choices[1]", "found -0.1"),
        ("dropout: .nan", "1:23: parameters.dropout", "found nan"),
        ("learning_rate: .inf", "1:29: parameters.learning_rate", "found inf"),
        ("learning_rate: 1e999", "1:29: parameters.learning_rate", "found inf"),
        ("learning_rate: true", "1:29: parameters.learning_rate", "must be a number above 0; found true"),
        ("epochs: {choices: [1, true]}", "1:36: parameters.epochs.choices[1]", "an integer of at least 1; found true"),
        ("epochs: {low: false, high: 3}", "1:28: parameters.epochs.low", "found false"),
        ("lr: 0.1", "1:14: parameters", "unknown parameter 'lr'; did you mean 'learning_rate'?"),
        ("learning_rate: '0.1'", "1:29: parameters.learning_rate", "(text; write it without quotes: 0.1)"),
        ("epochs: {choices: [4, '8']}", "1:36: parameters.epochs.choices[1]", "(text; write it without quotes: 8)"),
        ("epochs: '8.5'", "1:22: parameters.epochs", "(text; write a number without quotes: epochs: 1)"),
        ("dropout: {low: 0.1, high: '0,5'}", "1:40: parameters.dropout.high", "a number has a decimal point: 0.5)"),
        (
            "dropout: {low: 0,1, high: 0.5}",
            "1:31: parameters.dropout",
            "'1'; a number has a decimal point, not a comma",
        ),
        ("learning_rate: 3,01", "1:31: parameters", "parameter '01'; a number has a decimal point, not a comma"),
        (
            "epochs: {low: 1,000, high: 5}",
            "1:30: parameters.epochs",
            "'000'; a number has a decimal point, not a comma, and",
        ),
        ("epochs: '1,000'", "1:22: parameters.epochs", "(text; write it without commas: 1000)"),
        ("learning_rate: '1,000'", "1:29: parameters.learning_rate", "(text; write it without commas: 1000)"),
        ("epochs: {low: 1, high: '5,000'}", "1:37: parameters.epochs.high", "'5,000' (write it without commas: 5000)"),
        ("learning_rate: '0,01'", "1:29: parameters.learning_rate", "(text; a number has a decimal point: 0.01)"),
        ("depth: '2,5'", "1:21: parameters.depth", "(text; write a number without quotes: depth: 1)"),
        ("learning_rate:", "1:14: parameters.learning_rate", "found nothing"),
        ("learning_rate: {choices: [0.1, fast]}", "1:45: parameters.learning_rate.choices[1]", "found 'fast'"),
        ("learning_rate: {choices: []}", "1:39: parameters.learning_rate.choices", "at least one value"),
        ("learning_rate: {choices: 0.1}", "1:39: parameters.learning_rate.choices", "found the number 0.1"),
        ("learning_rate: {choices: [1, 1.0]}", "1:43: parameters.learning_rate.choices[1]", "found 1 again"),
        ("learning_rate: [0.1, 0.2]", "1:29: parameters.learning_rate", "several values are written"),
        ("learning_rate: {choices: [[0.1]]}", "1:40: parameters.learning_rate.choices[0]", "single value"),
        ("epochs: {low: 2.0, high: 5}", "1:28: parameters.epochs.low", "an integer of at least 1; found 2.0"),
        ("epochs: {low: 2, high: 5.5}", "1:37: parameters.epochs.high", "an integer of at least 1; found 5.5"),
        ("epochs: {low: 1e1, high: 50}", "1:28: parameters.epochs.low", "found 10.0"),
        ("depth: 0", "1:21: parameters.depth", "at least 1"),
        ("depth: 1000000", "1:21: parameters.depth", "at most 1000"),
        ("epochs: {low: 1}", "1:22: parameters.epochs", "high is missing"),
        ("epochs: {high: 1}", "1:22: parameters.epochs", "low is missing"),
        ("epochs: {}", "1:22: parameters.epochs", "one of value, choices, or low and high is needed; found none"),
        ("epochs: {low: 1, high: 2, choices: [3]}", "1:22: parameters.epochs", "found choices with low and high"),
        ("epochs: {lo: 1, high: 2}", "1:23: parameters.epochs", "unknown key 'lo'; did you mean 'low'?"),
        (
            "epochs: {choices: [3], log: true}",
            "1:37: parameters.epochs",
            "log goes with low and high, not with choices",
        ),
        (
            "epochs: {low: 1, high: 2, log: yes}",
            "1:45: parameters.epochs.log",
            "true or false is needed; found the text 'yes'",
        ),
        ("epochs: {low: 1, high: 9, step: 0}", "1:46: parameters.epochs.step", "above 0"),
        ("epochs: {low: 1, high: 9, step: 0.5}", "1:46: parameters.epochs.step", "must be an integer"),
        ("epochs: {low: 1, high: 9, step: true}", "1:46: parameters.epochs.step", "found true"),
        ("epochs: {low: 1, high: 9, step: 3}", "1:37: parameters.epochs.high", "9 is not, 7 or 10 would be"),
        ("dropout: {low: 0, high: 0.5, step: 0.2}", "1:38: parameters.dropout.high", "0.5 is not, 0.4 or 0.6 would be"),
        ("reg: {low: 0, high: 1, step: 1e-9}", "1:43: parameters.reg.step", "at most 1000000 steps"),
        ("epochs: {low: 1, high: 9, log: true, step: 2}", "1:51: parameters.epochs.step", "does not go with log"),
        ("update_rule: adm", "1:27: parameters.update_rule", "did you mean 'adam'?"),
        ("update_rule: {choices: [adam, 3]}", "1:44: parameters.update_rule.choices[1]", "found 3"),
        ("update_rule: {low: 1, high: 2}", "1:27: parameters.update_rule", "has no range"),
        ("loss: hinge", "1:20: parameters.loss", "one of softmax, svm"),
        ("weight_scale: {low: 0.1, high: kaiming}", "1:45: parameters.weight_scale.high", "must be a number"),
        ("init: kaimin", "1:20: parameters.init", "did you mean 'kaiming'?"),
        ("init: normal, weight_scale: kaiming", "1:28: parameters.weight_scale", "kaiming is a value of init now"),
        ("hidden_dims: 100", "1:27: parameters.hidden_dims", "must be a list of widths"),
        ("hidden_dims: abc", "1:27: parameters.hidden_dims", "must be a list of widths"),
        ("hidden_dims: [64, 0]", "1:32: parameters.hidden_dims[1]", "an integer of at least 1; found 0"),
        ("hidden_dims: [64, 10000000]", "1:32: parameters.hidden_dims[1]", "at most 65536"),
        ("hidden_dims: [[64], [32]]", "1:27: parameters.hidden_dims", "{choices: [[512, 256], [128]]}"),
        ("hidden_dims: {choices: [64, 32]}", "1:38: parameters.hidden_dims.choices[0]", "must be a list of widths"),
        ("hidden_dims: {low: 1, high: 2}", "1:27: parameters.hidden_dims", "has no range"),
        ("hidden_dims: [64], depth: 3", "1:33: parameters.depth", "keep hidden_dims or depth and hidden_dim"),
        ("hidden_dim: 5, hidden_dims: [64]", "1:14: parameters.hidden_dim", "hidden_dims already gives the layers"),
    ],
)
def test_bad_parameters(
    refusal: Callable[..., str], schema_accepts: Callable[[str], bool], parameter: str, where: str, says: str
) -> None:
    text = f"parameters: {{{parameter}}}"
    message = refusal(text)
    assert message.startswith(f"FILE:{where}: "), message
    assert says in message
    assert schema_accepts(text) == (parameter in BEYOND_A_SCHEMA)


@pytest.mark.parametrize("line", ["epochs: {low: '2,5', high: 5}", "epochs: {low: 1, high: 5, step: '2,5'}"])
def test_no_point_is_advised_where_an_integer_is_needed(refusal: Callable[..., str], line: str) -> None:
    assert refusal(f"parameters: {{{line}}}").endswith("; found the text '2,5'")
    assert refusal("trials: 2,5\nparameters: {epochs: 3}").endswith(" is needed; found the text '2,5'")
    assert refusal("trials: 1,000.5\nparameters: {epochs: 3}").endswith("found the text '1,000.5'")


@pytest.mark.parametrize("value", ["{}", "[]", "3", ""])
def test_parameters_must_name_something(refusal: Callable[..., str], value: str) -> None:
    assert "at least one parameter" in refusal(f"name: a\nparameters: {value}")


@pytest.mark.parametrize(
    ("line", "where", "says"),
    [
        ("sampeler: tpe", "2:1: space", "unknown key 'sampeler'; did you mean 'sampler'?"),
        ("seed: 3", "2:1: space", "unknown key 'seed'"),
        ("name: a/b", "2:7: name", "letters, digits"),
        ("name: ../up", "2:7: name", "letters, digits"),
        ("name: ''", "2:7: name", "letters, digits"),
        ("name: [a]", "2:7: name", "letters, digits"),
        ("trials: 0", "2:9: trials", "an integer from 1"),
        ("trials: 2.0", "2:9: trials", "found the number 2.0"),
        ("trials: true", "2:9: trials", "found true"),
        ("trials: many", "2:9: trials", "found the text 'many'"),
        ("trials: 1,000", "2:9: trials", "found the text '1,000' (write it without commas: 1000)"),
        ("dataset: {val_fraction: '0,2'}", "2:25: dataset.val_fraction", "(a number has a decimal point: 0.2)"),
        ("sampler: tpee", "2:10: sampler", "did you mean 'tpe'?"),
        (
            "sampler: 3",
            "2:10: sampler",
            "one of tpe, random, grid, qmc, cmaes, gp, or a mapping is needed; found the number 3",
        ),
        ("sampler: [tpe]", "2:10: sampler", "one of tpe"),
        ("sampler: {n_startup_trials: 3}", "2:10: sampler", "the sampler's name is missing"),
        ("sampler: {name: tpe, startup: 3}", "2:22: sampler", "tpe has no option 'startup'"),
        ("sampler: {name: tpe, seed: 3}", "2:22: sampler", "tpe has no option 'seed'"),
        ("sampler: {name: random, scramble: true}", "2:25: sampler", "random has no option 'scramble'; it has none"),
        ("sampler: {name: tpe, multivariate: 1}", "2:36: sampler.multivariate", "true or false"),
        ("sampler: {name: tpe, n_startup_trials: -1}", "2:40: sampler.n_startup_trials", "an integer from 0"),
        ("sampler: {name: tpe, multivariate: false, group: true}", "2:43: sampler", "group needs multivariate: true"),
        ("sampler: {name: cmaes, with_margin: true, lr_adapt: true}", "2:43: sampler", "do not go together"),
        ("sampler: {name: qmc, qmc_type: sobel}", "2:32: sampler.qmc_type", "did you mean 'sobol'?"),
        ("sampler: cmaes", "2:10: sampler", "cmaes needs 2 or more ranges that always apply; found 1"),
        ("sampler: grid", "2:10: sampler", "parameters.learning_rate is the continuous range 0.1 to 0.5"),
        ("early_stopping: hyperband", "2:17: early_stopping", "one of asha is needed"),
        ("early_stopping: {method: asha, eta: 3}", "2:32: early_stopping", "unknown key 'eta'"),
        ("early_stopping: {reduction_factor: 1}", "2:36: early_stopping.reduction_factor", "an integer from 2"),
        ("early_stopping: {min_epochs: 0}", "2:30: early_stopping.min_epochs", "an integer from 1"),
        ("early_stopping: 3", "2:17: early_stopping", "one of asha, or a mapping is needed; found the number 3"),
        (
            "dataset: 3",
            "2:10: dataset",
            "a name, openml:<name or id>, or a path, or a mapping is needed; found the number 3",
        ),
        ("dataset:", "2:9: dataset", "or a mapping is needed; found nothing"),
        ("dataset: {num_trian: 3}", "2:11: dataset", "unknown key 'num_trian'; did you mean 'num_train'?"),
        ("dataset: {path: a.csv}", "2:11: dataset", "unknown key 'path'; did you mean 'source'?"),
        (
            "dataset: {val_fraction: 2}",
            "2:25: dataset.val_fraction",
            "a number above 0 and below 1 is needed; found the number 2",
        ),
        (
            "dataset: {source: a.csv, drop: [b, 3]}",
            "2:36: dataset.drop[1]",
            "a column name or a list of them is needed",
        ),
        ("dataset: {preprocessing: piecewise, bins: 1}", "2:43: dataset.bins", "an integer from 2 to 256 is needed"),
        ("dataset: {bins: 8}", "2:11: dataset", "bins belongs to preprocessing: piecewise"),
        ("dataset: {source: a.csv, group: a, time: b}", "2:36: dataset", "split by group or by time; found both"),
        ("dataset: {test_fraction: 0.9}", "2:11: dataset", "must stay below 1"),
        (
            "task: regresion",
            "2:7: task",
            "one of classification, regression is needed; found the text 'regresion'; did",
        ),
        ("class_weight: {a: 1, b: -1}", "2:25: class_weight.b", "found the number -1"),
    ],
)
def test_bad_sections(
    refusal: Callable[..., str], schema_accepts: Callable[[str], bool], line: str, where: str, says: str
) -> None:
    text = "parameters: {learning_rate: {low: 0.1, high: 0.5}}\n" + line
    message = refusal(text)
    assert message.startswith(f"FILE:{where}: "), message
    assert says in message
    assert schema_accepts(text) == (line in BEYOND_A_SCHEMA)


def test_parameters_are_required(refusal: Callable[..., str]) -> None:
    assert refusal("trials: 3") == (
        "FILE:1:1: parameters: what to search is missing; add for example parameters: {epochs: 10}"
    )


def test_qmc_needs_a_range(refusal: Callable[..., str]) -> None:
    assert "qmc needs 1 or more ranges" in refusal("sampler: qmc\nparameters: {epochs: {choices: [1, 2]}}")


def test_defaults(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {learning_rate: {low: 0.1, high: 0.5}}")
    assert (space.name, space.sampler.name, space.trials, space.early_stopping) == ("some_space", "tpe", 50, None)
    assert space.dataset.source == "digits"
    assert load("parameters: {epochs: 3}").trials == 1


def test_sections_are_read(load: Callable[..., SearchSpace]) -> None:
    space = load("""
name: mine
dataset: {source: data/a.parquet, label: y}
sampler: {name: qmc, scramble: true}
trials: 7
early_stopping: asha
parameters: {learning_rate: {low: 0.1, high: 0.5}}
""")
    assert (space.name, space.trials) == ("mine", 7)
    assert (space.dataset.source, space.dataset.label) == ("data/a.parquet", "y")
    assert (space.sampler.name, space.sampler.options) == ("qmc", {"scramble": True})
    assert (space.early_stopping.min_epochs, space.early_stopping.reduction_factor) == (3, 3)
