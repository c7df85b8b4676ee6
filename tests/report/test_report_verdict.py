"""Whether anything was learned: the best of many trials on noise is no winner."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from judged_trials import DATASET, judged, measured, row, said, trust

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data.dataset import Split
from fcsearch.evaluation import BaseLine, Lead, Measurement
from fcsearch.evaluation.measuring import measurement_of, with_lead
from fcsearch.report.judgement import Verdict
from fcsearch.report.measured import NOT_YET_MEASURED, FinalTest
from fcsearch.report.model import Dataset
from fcsearch.report.remedies import remedies_of
from fcsearch.report.verdict import NOT_SHOWN, NOTHING, RANKING_ALONE
from fcsearch.space import SearchSpace
from fcsearch.training.objectives import Truth


def of_noise(rng: np.random.Generator) -> tuple[Measurement, Measurement]:
    """The validation and test figures of the best of 300 networks that know nothing."""
    y = {split: torch.from_numpy((rng.random(90) < 0.5).astype(np.int64)) for split in ("val", "test")}

    def judged(split: str, said: torch.Tensor) -> Measurement:
        scores, truth = torch.nn.functional.one_hot(said, 2).T.double().unsqueeze(0), Truth(y[split], 2)
        rows = Split(np.zeros((90, 1), np.float32), y[split].numpy())
        accuracy = OBJECTIVES["accuracy"]
        found = measurement_of(scores, rows, truth, accuracy, ["no", "yes"], split_name=split, fingerprint="f")
        return dataclasses.replace(with_lead(found, [(scores, truth)]), trial_id=0)

    answers = torch.from_numpy(rng.integers(0, 2, (300, 180)))
    best = int((answers[:, :90] == y["val"]).sum(1).argmax())
    return judged("val", answers[best, :90]), judged("test", answers[best, 90:])


def test_the_best_of_many_that_know_nothing_is_no_winner() -> None:
    rng, verdicts, first_sight = np.random.default_rng(0), 0, 0
    for _ in range(60):
        validation, test = of_noise(rng)
        ranked = [row(0, validation.value), *(row(i, 0.5, learning_rate=i / 1e4) for i in range(1, 300))]
        found = judged(
            ranked,
            FinalTest(test, None, (0,)),
            dataset=Dataset("d", "f", 1000, 90, 90, 2),
            base=validation.base_line,
            validation=validation,
        )
        verdicts += found.verdict is not None
        first_sight += validation.lead.is_real
    # Chosen as the best, noise passes for a result more often than the 1.5 times that are due.
    assert first_sight >= 4
    assert verdicts >= 59


BY_CHANCE = dataclasses.replace(measured("val", (0.99, 0.6)), lead=Lead(0.02, 0.008))
RANKED = [row(0, BY_CHANCE.value), *(row(i, 0.9, learning_rate=i / 1e4) for i in range(1, 50))]
AGREEING = FinalTest(dataclasses.replace(BY_CHANCE, split="test"), None, (0,))
AGAINST = FinalTest(dataclasses.replace(measured("test", (1.0, 0.0)), lead=Lead(0.0, 0.01)), None, (0,))
LATER = FinalTest(note=NOT_YET_MEASURED)


def verdict(*ranked: dict[str, Any], **changes: Any) -> Verdict:
    found = trust(*ranked, **changes).verdict
    assert found is not None
    return found


def test_where_the_test_rows_agree_a_small_lead_is_believed() -> None:
    found = verdict(*RANKED, validation=BY_CHANCE)
    assert (found.claim, found.so_far) == (NOT_SHOWN, False)
    assert "no more than chance explains for the best of 53 trials on these rows" in found.reason
    assert found.reason.endswith("; and no test rows were measured.")
    assert trust(*RANKED, validation=BY_CHANCE, test=AGREEING).verdict is None
    found = verdict(*RANKED, validation=BY_CHANCE, test=AGAINST)
    assert "; and its test accuracy, 96.00%, is not more than two standard errors" in found.reason


def test_trials_of_one_configuration_are_one_measurement() -> None:
    same = [row(i, BY_CHANCE.value) for i in range(5)]
    assert trust(*same, validation=BY_CHANCE).verdict is None
    found = verdict(*same, *RANKED[1:], validation=BY_CHANCE)
    assert "for the best of 53 trials on these rows" in found.reason


def test_the_test_rows_settle_it_before_anything_else() -> None:
    nothing = dataclasses.replace(BY_CHANCE, lead=Lead(0.0, 0.01))
    assert verdict(*RANKED, validation=nothing, test=AGAINST).claim == NOTHING
    assert trust(*RANKED, validation=nothing, test=AGREEING).verdict is None


def test_test_rows_without_a_baseline_were_measured_all_the_same() -> None:
    assert AGREEING.measurement is not None
    bare = FinalTest(dataclasses.replace(AGREEING.measurement, base_line=None, lead=None), None, (0,))
    found = verdict(*RANKED, validation=BY_CHANCE, test=bare)
    assert found.reason.endswith("for the best of 53 trials on these rows.")


@pytest.mark.parametrize("lead", [0.0, 0.02])
def test_while_test_rows_are_to_come_the_verdict_is_so_far(lead: float) -> None:
    validation = dataclasses.replace(BY_CHANCE, lead=Lead(lead, 0.008))
    found = trust(*RANKED, validation=validation, test=LATER)
    assert str(found.verdict).startswith(f"So far {found.verdict.claim}: ")
    assert "no test rows" not in str(found.verdict)
    assert found.remedies == ()
    assert "`fcsearch confirm` continues" in said(found)
    # Without test rows there is nothing to wait for.
    dataset = dataclasses.replace(DATASET, test_rows=0)
    assert not verdict(*RANKED, validation=validation, test=LATER, dataset=dataset).so_far


@pytest.mark.parametrize("state", ["interrupted", "failed", "running"])
def test_a_search_that_is_not_complete_is_continued_before_it_is_changed(state: str) -> None:
    found = trust(row(0, 0.96), state=state)
    assert found.verdict.beginning == "So far nothing was learned"
    assert found.remedies == ()
    assert ("`fcsearch resume` continues the search" in said(found)) == (state != "running")
    assert "search again" not in said(found)


def test_a_lead_that_is_not_shown_asks_for_more_rows_first() -> None:
    dataset = dataclasses.replace(DATASET, test_rows=0)
    found = trust(*RANKED, validation=BY_CHANCE, dataset=dataset)
    assert found.remedies[:2] == (("dataset.folds=5",), ("dataset.test_fraction=0.15",))
    given = dataclasses.replace(DATASET, given_splits=("val", "test"))
    found = trust(*RANKED, validation=BY_CHANCE, test=AGAINST, dataset=given)
    assert found.remedies[0] == ("objective=balanced_accuracy", "class_weight=balanced")


def ranks(found: Measurement, roc_auc: float) -> Measurement:
    return dataclasses.replace(found, figures={**found.figures, "roc_auc": roc_auc})


@pytest.mark.parametrize("claim", [NOTHING, NOT_SHOWN])
def test_a_ranking_is_learned_where_an_accuracy_cannot_lead(claim: str) -> None:
    validation = BY_CHANCE if claim == NOT_SHOWN else dataclasses.replace(BY_CHANCE, lead=Lead(0.0, 0.01))
    assert AGAINST.measurement is not None
    test = dataclasses.replace(AGAINST, measurement=ranks(AGAINST.measurement, 0.81))
    found = trust(*RANKED, validation=validation, test=test)
    assert found.verdict is not None
    assert found.verdict.beginning == "Only the ranking of the rows is shown to be learned"
    assert verdict(*RANKED, validation=validation, test=AGAINST).claim == claim
    assert found.verdict.reason.endswith(
        "; but its ROC AUC on the test rows, 0.81, clearly leads the 0.5 of ranking them at random."
    )
    assert "The accuracy does not show what the network has learned: search again with `--set objective=" in said(found)
    assert "Check that the label" not in said(found)
    assert found.remedies[0] == ("objective=balanced_accuracy", "class_weight=balanced")
    assert not found.recommends
    assert (("dataset.folds=5",) in found.remedies) == (claim == NOT_SHOWN)


def test_beside_a_ranking_more_rows_are_still_a_remedy() -> None:
    dataset = dataclasses.replace(DATASET, test_rows=0)
    found = trust(*RANKED, validation=ranks(BY_CHANCE, 0.8), dataset=dataset)
    assert found.verdict.claim == RANKING_ALONE
    assert found.remedies[-2:] == (("dataset.folds=5",), ("dataset.test_fraction=0.15",))
    assert "or `--set dataset.folds=5` or `--set dataset.test_fraction=0.15`" in said(found)


def test_the_ranking_of_one_fold_is_none_of_them_all() -> None:
    dataset = dataclasses.replace(DATASET, folds=5)
    for folds, claim in ((5, RANKING_ALONE), (None, NOTHING)):
        one = dataclasses.replace(ranks(BY_CHANCE, 0.99), lead=Lead(0.0, 0.01), folds=folds)
        assert verdict(row(0, 0.96, val_standard_error=0.01), validation=one, dataset=dataset).claim == claim


def test_the_test_rows_decide_on_the_ranking_or_without_them_those_for_validation() -> None:
    assert AGAINST.measurement is not None
    # 16 of the 400 rows are of the rarer class: by chance the standard error is 0.074.
    for value, shown in ((0.66, False), (0.68, True)):
        test = dataclasses.replace(AGAINST, measurement=ranks(AGAINST.measurement, value))
        assert (verdict(*RANKED, validation=ranks(BY_CHANCE, 0.99), test=test).claim == RANKING_ALONE) == shown
    # The best of 53 trials leads more by chance.
    for value, shown in ((0.7, False), (0.8, True)):
        assert (verdict(*RANKED, validation=ranks(BY_CHANCE, value)).claim == RANKING_ALONE) == shown
    ranked = dataclasses.replace(ranks(BY_CHANCE, 0.8), objective="average_precision")
    base = BaseLine("", 0.05, 400, "average_precision")
    ranked = dataclasses.replace(ranked, base_line=base, lead=Lead(0.0, chance=0.5))
    rows = [{**row, "val_average_precision": 0.06} for row in RANKED]
    found = judged(rows, validation=ranked, objective=OBJECTIVES["average_precision"])
    assert found.verdict is not None
    assert found.verdict.claim == NOTHING


def test_the_error_of_a_ranking_is_that_of_random_orders() -> None:
    rng, found = np.random.default_rng(0), []
    rows, accuracy = Split(np.zeros((90, 1), np.float32), np.arange(90) % 3 // 2), OBJECTIVES["accuracy"]
    truth = Truth(torch.from_numpy(rows.y), 2)
    for _ in range(300):
        scores = torch.from_numpy(rng.normal(size=(1, 2, 90)))
        of = measurement_of(scores, rows, truth, accuracy, ["no", "yes"], split_name="val", fingerprint="f")
        assert of.ranking is not None
        found.append(of.ranking.gain)
    assert np.std(found) == pytest.approx(of.ranking.error, rel=0.1)
    assert measured("val", (1.0, 0.0)).ranking is None


def test_a_remedy_that_the_space_refuses_is_passed_over() -> None:
    space = SearchSpace.from_mapping(
        {"dataset": {"source": "a.csv", "val_fraction": 0.9, "test_fraction": 0.0}, "parameters": {"epochs": 3}}
    )
    dataset = dataclasses.replace(DATASET, test_rows=0, given_splits=("val",))
    found = remedies_of(OBJECTIVES["accuracy"], dataset, space.to_json(), Verdict(NOT_SHOWN, ""))
    # 0.9 and 0.15 would leave no rows to train on.
    assert found == (("objective=balanced_accuracy", "class_weight=balanced"), ("objective=average_precision",))
    for changes in found:
        assert space.changed(changes) != space
