"""Findings: a baseline that was not beaten comes first, and no advice contradicts another."""

import dataclasses
import re
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from judged_trials import COUNTS, DATASET, OTHERS, SPACE, judged, measured, row, said, trust

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import Lead
from fcsearch.report.advice import of_the_network
from fcsearch.report.findings import Evidence, resolve
from fcsearch.report.judgement import Pull, Trust
from fcsearch.report.measured import FinalTest
from fcsearch.report.model import Dataset, Importance


def test_nothing_learned_is_said_and_nothing_is_praised_or_deepened() -> None:
    test = FinalTest(measured("test", (1.0, 0.0)), None, (0,))
    ranked = [row(0, 0.9625, depth=5, epochs=50, best_epoch=50, train_accuracy=1.0), row(1, 0.96)]
    found = trust(*ranked, test=test, diverged=5)
    assert str(found.verdict) == (
        "Nothing was learned: the best validation accuracy of all trials, 96.25%, is not more than two standard errors "
        "(1.90 points) above the 96.00% of always answering 'no'."
    )
    assert "to quote" not in said(found)
    assert "always answering 'no' has 96.00% there" in said(found)
    assert not re.search(r"widen|more epochs|more dropout|in place of", said(found))
    assert "Check that the label is the right column" in said(found)
    assert {finding.kind for finding in found.findings}.isdisjoint({"edge", "overfit", "last_epoch", "smaller"})


@pytest.mark.parametrize(
    ("recall", "words"),
    [
        ((0.9, 0.8), "it does tell the classes apart"),
        ((1.0, 0.0), "it is not shown to tell the classes apart"),
        # More than two standard errors above chance, but not for the best of four trials.
        ((0.95, 0.31), "it is not shown to tell the classes apart"),
    ],
)
def test_what_accuracy_does_not_reward_is_said(recall: tuple[float, float], words: str) -> None:
    assert words in said(trust(row(0, 0.9), validation=measured("val", recall)))


def test_above_the_base_line_the_report_is_what_it_was() -> None:
    found = trust(row(0, 0.99, depth=5), test=FinalTest(measured("test", (1.0, 0.9)), None, (0,)))
    assert found.verdict is None
    assert "Always answering 'no', the commonest class, would be right for 96.00% of the 400 validation rows" in said(
        found
    )
    assert "is the figure to quote" in said(found)
    assert "depth = 5 lies at the upper end of the searched range: widen it there." in said(found)


def test_where_nothing_was_learned_the_options_to_change_are_named() -> None:
    found = trust(row(0, 0.96))
    assert found.remedies == (
        ("objective=balanced_accuracy", "class_weight=balanced"),
        ("objective=average_precision",),
    )
    assert "`--set objective=balanced_accuracy --set class_weight=balanced` or `--set objective=" in said(found)
    assert trust(row(0, 0.99)).remedies == ()


def test_a_run_of_an_earlier_version_has_no_base_line_and_says_so() -> None:
    found = trust(row(0, 0.5), class_counts=None)
    assert found.verdict is None
    assert "The run does not say how many validation rows each class has" in said(found)


def test_classes_without_rows_are_named() -> None:
    text = said(trust(row(0, 0.99), class_counts={"train": (9, 1), "val": (400, 0), "test": (400, 0)}))
    assert "No validation row is of class 'yes': nothing was measured for it there." in text
    assert "No test row is of class 'yes'" in text
    assert "No test row" not in said(trust(row(0, 0.99), class_counts={**COUNTS, "test": (0, 0)}))


def test_a_parameter_pulled_both_ways_is_advised_neither_way() -> None:
    found = trust(row(0, 0.99, epochs=5, best_epoch=5))
    assert "more epochs" not in said(found)
    # What would end in no advice is left out.
    assert "epochs = 5" not in said(found)
    assert "Its best epoch" not in said(found)
    assert found.torn == ("epochs",)


def test_what_is_not_contested_is_still_advised() -> None:
    found = trust(row(0, 0.99, dropout=0.1, train_accuracy=1.1))
    assert "better on its training rows: more reg may help." in said(found)
    found = trust(row(0, 0.99, learning_rate=0.1), diverged=9)
    assert "9 trials of 13 diverged.\n" in said(found)
    assert "learning_rate = 0.1" not in said(found)
    assert found.torn == ("learning_rate",)


def test_a_smaller_network_as_good_does_not_stand_beside_more_depth() -> None:
    found = trust(row(0, 0.99, depth=5), row(1, 0.989, depth=2, num_parameters=100))
    assert "with 100 parameters instead of 1,000" in said(found)
    assert "depth = 5" not in said(found)
    # Nor beside a greater width, where it has the same.
    found = trust(row(0, 0.99, hidden_dim=256), row(1, 0.989, hidden_dim=256, depth=2, num_parameters=100))
    assert "hidden_dim = 256" not in said(found)
    # Nor beside any size of a layer where a linear model is as good, which has none.
    linear = row(1, 0.989, depth=1, hidden_dim=None, num_parameters=100)
    found = trust(row(0, 0.99, hidden_dim=256, depth=5), linear)
    assert "A linear model, trial 1, is on a level with it" in said(found)
    assert "the searched range" not in said(found)
    assert set(found.torn) == {"depth", "hidden_dim"}


def test_a_smaller_network_pulls_down_what_is_smaller_alone() -> None:
    def pulled(best: dict[str, Any], smallest: dict[str, Any]) -> set[str]:
        found = trust(row(0, 0.99, **best), row(1, 0.989, **{"num_parameters": 100, **smallest}))
        [finding] = [finding for finding in found.findings if finding.kind == "smaller"]
        assert {pull.direction for pull in finding.pulls} <= {"down"}
        return {pull.parameter for pull in finding.pulls}

    # As deep and as wide, of fewer features.
    assert pulled({"bins": 48}, {"bins": 16}) == {"bins"}
    assert pulled({"preprocessing": "piecewise"}, {"preprocessing": "standardize"}) == set()
    assert pulled({"bins": 48}, {"bins": 0}) == set()  # as many as suit the rows
    assert pulled({"frequencies": 48, "embedding_dim": 24}, {"frequencies": 24, "embedding_dim": 24}) == {"frequencies"}
    assert pulled({"depth": 3}, {"depth": 2}) == {"depth"}


def test_more_epochs_are_not_asked_for_where_the_best_came_early() -> None:
    found = trust(row(0, 0.99, epochs=50, best_epoch=20))
    assert "Its best epoch" not in said(found)
    assert "epochs = 50" not in said(found)
    assert found.torn == ("epochs",)
    assert "Its best epoch was 8 of 20: fewer epochs may do." in said(trust(row(0, 0.99, epochs=20, best_epoch=8)))
    stopped = row(0, 0.99, epochs=20, best_epoch=3, epochs_run=3)
    assert "Its best epoch" not in said(trust(stopped))
    # Nor of a network that was left in the middle, long after its best epoch.
    left = trust(row(0, 0.99, epochs=50, best_epoch=17, epochs_run=32, state="unfinished"))
    assert "epochs = 50" not in said(left)
    assert "fewer epochs" not in said(left)
    assert "epochs = 50 lies at the upper end" in said(trust(row(0, 0.99, epochs=50, best_epoch=3, epochs_run=3)))


def test_an_overfitted_network_is_not_advised_to_decay_less() -> None:
    space = {"parameters": {**SPACE["parameters"], "weight_decay": {"low": 1e-3, "high": 1.0, "log": True}}}
    best = row(0, 0.9, train_accuracy=1.0, weight_decay=1e-3)
    ranked = [best, *(row(number, 0.5, weight_decay=0.1) for number in (1, 2, 3))]
    found = judged(ranked, space=space)
    assert "weight_decay = 0.001" not in said(found)
    assert "more dropout or reg may help" in said(found)
    assert found.torn == ("weight_decay",)


def test_an_end_of_a_range_in_which_nothing_else_was_tried_is_none() -> None:
    assert "the searched range" not in said(judged([row(0, 0.9, depth=5), row(1, 0.8), row(2, 0.8)]))


def test_where_all_diverged_lower_rates_are_advised() -> None:
    said_of = {count: said(judged([], state="failed", counts={"diverged": count})) for count in (1, 9)}
    assert "All 9 trials diverged: search at a lower learning_rate." in said_of[9]
    assert "The trial diverged: search at a lower learning_rate." in said_of[1]


def test_an_end_that_cannot_be_moved_is_none() -> None:
    space = {"parameters": {"momentum": {"low": 0.5, "high": 1.0}}}
    assert "the searched range" not in said(judged([row(0, 0.9, momentum=1.0), *OTHERS], space=space))


def test_evidence_that_pulls_three_times() -> None:
    up, down = (Pull("epochs", "up"),), (Pull("epochs", "down"), Pull("reg", "up"))
    found = list(
        resolve([Evidence("a", "A", "more {parameters}", up), Evidence("b", "B", "less {parameters}", down)] * 2)
    )
    assert [finding.sentence for finding in found] == ["A.", "B: less reg."] * 2


def test_nothing_is_advised_that_would_make_perfect_figures_better() -> None:
    few = dataclasses.replace(DATASET, val_rows=150)
    edge = {"depth": 5, "epochs": 10, "best_epoch": 10}
    perfect = dataclasses.replace(measured("val", (1.0, 1.0)), lead=Lead(0.04, 0.01))
    advice = re.compile("may help|widen|accuracy hardly counts|mean over five folds")
    assert len(advice.findall(said(trust(row(0, 0.995, **edge), dataset=few, validation=perfect)))) == 4
    found = trust(row(0, 1.0, **edge), dataset=few, validation=perfect)
    assert not advice.search(said(found))
    assert found.remedies == ()
    test = FinalTest(dataclasses.replace(measured("test", (1.0, 0.9)), lead=Lead(0.03, 0.01)), None, (0,))
    assert advice.search(said(trust(row(0, 1.0, **edge), dataset=few, validation=perfect, test=test)))


def test_an_end_is_not_widened_where_the_parameter_hardly_matters() -> None:
    best = row(0, 0.99, depth=5, dropout=0.5)
    importances = {"depth": Importance(0.4, 0.2, 0.57, 60), "dropout": Importance(0.01, 0.0, 0.22, 60)}
    assert {"depth = 5", "dropout = 0.5"} == set(re.findall(r"(\S+ = \S+) lies at", said(trust(best))))
    assert re.findall(r"(\S+ = \S+) lies at", said(trust(best, importances=importances))) == ["depth = 5"]


def random_run(seed: int) -> Trust:
    """A run in which everything that can be found has a fair chance to be."""
    rng = np.random.default_rng(seed)

    def pick(name: str) -> Any:
        definition = SPACE["parameters"][name]
        if "choices" in definition:
            return definition["choices"][rng.integers(len(definition["choices"]))]
        ends = [definition["low"], definition["high"]]
        middle = (ends[0] + ends[1]) / 2
        value = [*ends, middle][rng.integers(3)]
        return int(value) if isinstance(ends[0], int) else value

    ranked = []
    for trial_id in range(int(rng.integers(1, 6))):
        parameters = {name: pick(name) for name in SPACE["parameters"]}
        accuracy = float(rng.choice([0.95, 0.985, 0.99]))
        last = int(parameters["epochs"])
        found = {
            "train_accuracy": min(1.0, accuracy + float(rng.choice([0.0, 0.1])))
            if rng.random() < 0.5
            else accuracy + 0.1,
            "best_epoch": last if rng.random() < 0.5 else 1,
            "num_parameters": int(rng.choice([100, 1000])),
        }
        ranked.append(row(trial_id, accuracy, **parameters, **found))
    ranked.sort(key=lambda entry: -entry["val_accuracy"])
    validation = measured("val", (1.0 if rng.random() < 0.9 else 0.5, float(rng.random())))
    return trust(*ranked, diverged=int(rng.choice([0, 9])), validation=validation)


def test_no_two_findings_of_any_run_pull_one_parameter_in_two_directions() -> None:
    kinds: set[str] = set()
    for seed in range(400):
        found = random_run(seed)
        kinds |= {finding.kind for finding in found.findings}
        directions: dict[str, set[str]] = defaultdict(set)
        for finding in found.findings:
            for pull in finding.pulls:
                directions[pull.parameter].add(pull.direction)
        assert all(len(pulled) == 1 for pulled in directions.values()), (seed, said(found))
        # And the sentences say no more than the pulls do.
        asked = {"more epochs": "epochs up", "fewer epochs": "epochs down", "more dropout": "dropout up"}
        for words, pull in asked.items():
            name, way = pull.split()
            assert (words in said(found)) <= (directions.get(name) == {way})
        for name, end in re.findall(r"(\w+) = \S+ lies at the (\w+) end of the searched range: widen", said(found)):
            assert directions[name] == {"up" if end == "upper" else "down"}
        if found.verdict:
            assert not directions.keys() - {"learning_rate"}
    assert kinds >= {"edge", "overfit", "last_epoch", "early_epoch", "smaller", "diverged", "nothing_learned"}


def test_each_figure_names_its_trial_where_the_network_is_not_the_best_of_the_search() -> None:
    ranked = [row(0, 0.99), row(1, 0.985)]
    test = FinalTest(measured("test", (0.99, 0.9)))
    text = said(trust(*ranked, chosen=ranked[1], test=test))
    assert "Validation accuracy 99.00% of trial 0 was measured on 400 rows" in text
    assert "Validation minus test of trial 1 is " in text
    alone = said(trust(*ranked, chosen=ranked[0], test=test))
    assert "Validation accuracy 99.00% was measured on" in alone
    assert "Validation minus test is " in alone


def test_a_gap_within_chance_is_no_overfitting() -> None:
    best = row(0, 0.80, train_accuracy=0.88)
    for rows, found in ((50, 0), (2000, 1)):
        data = Dataset("d", "f", 5000, rows, 0, 2, training_sample=1000)
        hints = of_the_network(best, best, OBJECTIVES["accuracy"], SPACE, data)
        assert sum(hint.kind == "overfit" for hint in hints) == found


@pytest.mark.parametrize(
    ("left", "says"),
    [(0, ""), (1, ", and 1 more counts as far as it was"), (2, ", and 2 more count as far as they were")],
)
def test_trials_in_training_at_the_end_of_a_run_are_counted(left: int, says: str) -> None:
    found = said(judged([row(0, 0.9), *OTHERS], counts={"complete": 4, "unfinished": left}, planned=9))
    assert f"The run ended: 4 of 9 trials are done{says}" in found
    assert ("more count" in found) == bool(left)
