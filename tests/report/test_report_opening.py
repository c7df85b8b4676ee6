"""What a report says first, and what its figures stand beside: the test rows, the features, the rarer class."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from judged_trials import COUNTS, DATASET, judged, measured, row, said, trust

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data.dataset import Split
from fcsearch.evaluation import BaseLine, Lead, Measurement, base_line, standard_error
from fcsearch.evaluation.measuring import measurement_of
from fcsearch.report.importance import METHOD
from fcsearch.report.measured import Alternative, FinalTest
from fcsearch.report.model import Dataset
from fcsearch.report.remedies import BALANCED, FOLDS
from fcsearch.report.summary_lines import measured_lines
from fcsearch.report.verdict import not_ahead
from fcsearch.selection.confirmation import weigh
from fcsearch.training.objectives import Truth

ACCURACY = OBJECTIVES["accuracy"]
AHEAD = dataclasses.replace(measured("val", (0.99, 0.9)), lead=Lead(0.05, 0.01))


def on_test(gain: float) -> FinalTest:
    found = measured("test", (1.0, 0.0))
    return FinalTest(dataclasses.replace(found, lead=Lead(gain, 0.01)), None, (0,))


def test_a_lead_that_the_test_rows_do_not_show_is_said_first() -> None:
    ranked = row(0, AHEAD.value)
    found = trust(ranked, validation=AHEAD, test=on_test(0.0))
    assert found.verdict is None
    assert (
        str(found.caution)
        == "On the 400 test rows the network is not ahead of always answering 'no', whose accuracy is 96.00%."
    )
    assert "is the figure to quote, beside the 96.00% of always answering 'no' there: these rows" in said(found)
    by_chance = trust(ranked, validation=AHEAD, test=on_test(0.01)).caution
    assert not by_chance.forbids
    assert str(by_chance).endswith(
        "is ahead of always answering 'no', whose accuracy is 96.00%, but by no more than chance explains."
    )
    assert trust(ranked, validation=AHEAD, test=on_test(0.05)).caution is None


def test_of_a_regression_too() -> None:
    base = BaseLine("155.2", 64.2, 66, "rmse")
    found = Measurement(0, "test", "f", 66, 60.0, 5.8, 1.0, None, "rmse", base_line=base, lead=Lead(4.16, 5.82))
    assert not_ahead(found) == (
        "On the 66 test rows the network is ahead of always answering the mean (155.2), whose RMSE is 64.2, but by no "
        "more than chance explains."
    )
    every = dataclasses.replace(found, split="all", lead=Lead(-1.0, 5.82))
    assert str(not_ahead(every, "the ensemble")).startswith("On all 66 rows the ensemble is not ahead of")


def test_the_winner_has_its_own_standard_error() -> None:
    ranked = [row(18, 1.0), row(11, 0.9882)]
    found = judged(ranked, FinalTest(measured("test", (0.99, 0.9))), chosen=ranked[1])
    assert found.standard_error == pytest.approx(standard_error(1.0, 400))
    assert found.winner_error == pytest.approx(standard_error(0.9882, 400))
    spread = np.hypot(standard_error(0.9882, 400), measured("test", (0.99, 0.9)).standard_error)
    assert f"(two standard errors of the difference: {200 * spread:.2f} points)" in said(found)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (0.999, "explains (two standard errors of the difference: 2.07 points): the validation rows, which chose it"),
        (0.7, "the two sets of rows are unlike each other, and new rows may be like either"),
    ],
)
def test_a_gap_that_chance_does_not_explain_is_explained(value: float, meaning: str) -> None:
    test = FinalTest(measured("test", (0.99, 0.0)), None, (0,))
    assert test.measurement is not None
    test = dataclasses.replace(test, measurement=dataclasses.replace(test.measurement, lead=Lead(0.1, 0.01)))
    assert meaning.partition("points")[2] in said(trust(row(0, value), test=test))


def test_folds_come_before_more_trials_where_few_rows_chose() -> None:
    few = Dataset("d", "f", 310, 66, 66, 2)
    assert judged([row(0, 0.9)], dataset=few).remedies == ((FOLDS,),)
    assert judged([row(0, 0.9)], dataset=few, state="interrupted").remedies == ()
    assert judged([row(0, 0.9)]).remedies == ()


@pytest.mark.parametrize("base", [None, base_line(("no", "yes"), (1, 1))])
def test_where_the_source_gives_few_rows_for_validation_more_are_asked_for(base: BaseLine | None) -> None:
    few = Dataset("d", "f", 60, 2, 30, 2, given_splits=("val", "test"))
    found = judged([row(0, 0.75), row(1, 0.5, reg=1.0)], dataset=few, base=base)
    assert (found.verdict is None) == (base is None)
    assert "Only 2 rows chose among the trials, all that the source gives for validation: give more, or none" in said(
        found
    )


def test_a_rare_class_that_accuracy_hardly_counts() -> None:
    missed = dataclasses.replace(measured("val", (1.0, 0.3)), lead=Lead(0.05, 0.01))
    found = trust(row(0, missed.value), validation=missed)
    assert "96.00% of the training rows are 'no', and 31.25% of 'yes' are found: accuracy hardly counts the" in said(
        found
    )
    assert "`--set objective=average_precision` ranks the rows" in said(found)
    assert found.remedies == (BALANCED,)
    # Where most are found it is a hint, not the first thing to do.
    found = trust(row(0, AHEAD.value), validation=AHEAD)
    assert "accuracy hardly counts" in said(found)
    assert found.remedies == ()
    even = dict.fromkeys(COUNTS, (200, 200))
    assert "hardly counts" not in said(trust(row(0, 0.9), class_counts=even))


def confirmed(values: dict[int, float], search: float) -> Any:
    rows = [
        {"trial_id": 0, "seed": seed, "state": "complete", "val_accuracy": value, "best_epoch": 3}
        for seed, value in values.items()
    ]
    return weigh([{"trial_id": 0, "val_accuracy": search}], rows, seeds=list(values), objective=ACCURACY)


def test_no_verdict_on_a_configuration_that_learns_with_other_seeds() -> None:
    lost = dataclasses.replace(measured("val", (1.0, 0.0)), lead=Lead(0.0, 0.01))
    assert trust(row(0, lost.value), validation=lost, test=on_test(0.0)).verdict is not None
    again = confirmed({1: 0.999, 2: 0.998}, lost.value)
    found = trust(row(0, lost.value), validation=lost, test=on_test(0.0), confirmation=again)
    assert found.verdict is None
    assert str(found.caution) == (
        "Do not use the network of trial 0: its validation accuracy, 96.00%, shows no lead over always answering 'no', "
        "which has 96.00%. Its configuration learns with other seeds: it has 99.85% on average over 2 seeds. Train it "
        "again with one of them, such as `--seed 1`."
    )
    assert (found.caution.forbids, found.caution.seed, found.caution.model) == (True, 1, None)
    for values, seed in (({1: 0.997, 7: 0.999}, 1), ({1: 0.97, 7: 0.999, 8: 0.999, 9: 0.999}, 7)):
        another = confirmed(values, lost.value)
        other = trust(row(0, lost.value), validation=lost, test=on_test(0.0), confirmation=another).caution
        assert other.seed == seed
    same = confirmed({1: 0.96, 2: 0.961}, lost.value)
    assert trust(row(0, lost.value), validation=lost, test=on_test(0.0), confirmation=same).verdict is not None


def test_a_configuration_is_no_better_than_its_network_by_chance() -> None:
    few = dataclasses.replace(DATASET, train_rows=20, val_rows=6, folds=5)
    own = dataclasses.replace(measured("val", (1.0, 0.0)), value=0.88, lead=Lead(0.19, 0.1), folds=5, rows=26)
    own = dataclasses.replace(own, base_line=BaseLine("no", 0.69, 26), standard_error=0.06)
    again = confirmed({1: 0.92, 2: 0.88, 3: 0.88, 4: 0.88, 5: 0.88}, 0.88)
    ranked = row(0, 0.88, val_standard_error=0.05)
    counts = dict.fromkeys(COUNTS, (18, 8))
    found = trust(ranked, dataset=few, validation=own, test=on_test(0.0), confirmation=again, class_counts=counts)
    assert found.caution is None
    assert str(found.verdict).endswith(
        "With other seeds its configuration has 88.80% on average, which chance does not tell apart from that."
    )


@pytest.mark.parametrize("measured_there", [True, False])
def test_nor_with_folds(measured_there: bool) -> None:
    folds = dataclasses.replace(DATASET, folds=5)
    lost = dataclasses.replace(measured("val", (1.0, 0.0)), lead=Lead(0.0, 0.01), folds=5)
    ranked = row(0, lost.value, val_standard_error=0.004)
    validation = lost if measured_there else None
    changes = {"dataset": folds, "validation": validation, "test": on_test(0.0)}
    assert trust(ranked, **changes).verdict is not None
    found = trust(ranked, confirmation=confirmed({1: 0.999, 2: 0.998}, lost.value), **changes)
    assert found.verdict is None
    assert found.caution.seed == 1
    same = confirmed({1: 0.96, 2: 0.961}, lost.value)
    assert trust(ranked, confirmation=same, **changes).verdict is not None


def test_nor_where_the_ensemble_leads_on_the_test_rows() -> None:
    lost = dataclasses.replace(measured("val", (1.0, 0.0)), lead=Lead(0.0, 0.01))
    ahead = dataclasses.replace(measured("test", (1.0, 0.9)), lead=Lead(0.03, 0.005), trial_id=None)
    ensemble = Alternative("ensemble", {0: 0.5, 1: 0.5}, test=ahead)
    found = trust(row(0, lost.value), validation=lost, test=on_test(0.0), alternatives=[ensemble])
    assert found.verdict is None
    assert "The ensemble has 99.50% on the test rows: use `--model ensemble`." in str(found.caution)
    assert (found.caution.forbids, found.caution.model, found.caution.seed) == (True, "ensemble", None)


def test_the_model_to_use_has_a_real_lead_and_the_largest() -> None:
    lost = dataclasses.replace(measured("val", (1.0, 0.0)), lead=Lead(0.0, 0.01))

    def of(model: str, gain: float, **changes: Any) -> Alternative:
        found = dataclasses.replace(measured("test", (1.0, 0.9)), lead=Lead(gain, 0.005), trial_id=None, **changes)
        return Alternative(model, {0: 1.0}, test=found)

    def used(*alternatives: Alternative) -> str | None:
        found = trust(row(0, lost.value), validation=lost, test=on_test(0.0), alternatives=alternatives)
        assert (found.verdict is None) == (found.caution is not None)
        return found.caution.model if found.caution else None

    assert used(of("ensemble", 0.02), of("refit", 0.03)) == "refit"
    assert used(of("ensemble", 0.03), of("refit", 0.02)) == "ensemble"
    # Without a baseline no lead is known.
    assert used(of("ensemble", 0.03, base_line=None)) is None


def test_of_a_network_that_is_not_to_be_used_nothing_is_advised_nor_quoted() -> None:
    lost = dataclasses.replace(measured("val", (1.0, 0.0)), lead=Lead(0.0, 0.01))
    ahead = dataclasses.replace(measured("test", (1.0, 0.9)), lead=Lead(0.03, 0.005), trial_id=None)
    ensemble = Alternative("ensemble", {0: 0.5, 1: 0.5}, test=ahead)
    found = trust(row(0, lost.value), validation=lost, test=on_test(0.0), alternatives=[ensemble])
    assert not found.recommends
    assert "Test accuracy 96.00%" in said(found)
    assert "is the figure to quote" not in said(found)


def test_a_lead_that_is_small_for_the_best_of_many_is_not_called_none() -> None:
    small = dataclasses.replace(measured("val", (0.99, 0.9)), lead=Lead(0.02, 0.009))
    ahead = dataclasses.replace(measured("test", (1.0, 0.9)), lead=Lead(0.03, 0.005), trial_id=None)
    ranked = [row(0, small.value), *(row(trial, 0.9, learning_rate=0.01 * trial) for trial in range(2, 51))]
    ensemble = Alternative("ensemble", {0: 0.5, 1: 0.5}, test=ahead)
    found = trust(*ranked, validation=small, test=on_test(0.0), alternatives=[ensemble])
    assert (
        "is ahead of always answering 'no', which has 96.00%, by no more than chance explains for the best of 53 trials"
        in str(found.caution)
    )


def test_a_linear_model_on_a_level_is_named() -> None:
    text = said(judged([row(0, 0.900), row(3, 0.895, depth=1)]))
    assert "A linear model, trial 3, is on a level with it: validation 89.50%." in text
    assert "linear" not in said(judged([row(0, 0.900), row(3, 0.800, depth=1)]))
    assert "linear" not in said(judged([row(0, 0.900, depth=1), row(3, 0.899, depth=1)]))


def test_the_ranking_of_two_classes_names_the_class_that_it_is_of() -> None:
    y = torch.tensor([0, 0, 0, 1])
    scores = torch.tensor([[[0.9, 0.8, 0.3, 0.4], [0.1, 0.2, 0.7, 0.6]]]).double()
    rows = Split(np.zeros((4, 1), np.float32), y.numpy())
    found = measurement_of(scores, rows, Truth(y, 2, 1), ACCURACY, ["no", "yes"], split_name="test", fingerprint="f")
    lines = {name: (value, remark) for name, value, remark in measured_lines(found)}
    assert lines["ROC AUC"] == ("0.6667", "area under the ROC curve of 'yes'; baseline 0.5")
    assert lines["average precision"][0] == "0.5"
    assert lines["average precision"][1].startswith("of 'yes': ")


def test_a_bias_that_rounds_to_nothing_has_no_direction() -> None:
    found = confirmed({1: 0.9000001, 2: 0.9}, 0.9)
    assert "The search's own value of it is on average the same as with other seeds" in said(
        judged([row(0, 0.9)], confirmation=found, dataset=DATASET)
    )


def test_the_baseline_of_a_ranking_is_a_sentence() -> None:
    base = BaseLine("", 0.5, 400, "roc_auc")
    ranked = [row(0, 0.9, val_roc_auc=0.9)]
    text = said(judged(ranked, base=base, objective=OBJECTIVES["roc_auc"]))
    assert "Ranking the rows at random would reach ROC AUC 0.5 on average on the 400 validation rows." in text
    named = BaseLine("No", 0.5, 400, "balanced_accuracy")
    ranked = [row(0, 0.9, val_balanced_accuracy=0.9)]
    text = said(judged(ranked, base=named, objective=OBJECTIVES["balanced_accuracy"]))
    assert "Always answering 'No', the commonest class, would reach balanced accuracy 50.00% on the" in text


def test_shares_that_overlap_are_said_to() -> None:
    assert "overlap: they do not add up to 100%" in METHOD
