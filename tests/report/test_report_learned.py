"""Whether anything was learned: the best of many trials on noise is no winner."""

import dataclasses

import numpy as np
import torch
from judged_trials import SPACE, measured, row, trust

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data.dataset import Split
from fcsearch.evaluation import Lead, Measurement
from fcsearch.evaluation.measuring import measurement_of, with_lead
from fcsearch.report.measured import FinalTest
from fcsearch.report.model import Dataset, Work
from fcsearch.report.trust import assess
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
        ranked = [row(0, validation.value), *(row(i, 0.5) for i in range(1, 300))]
        found = assess(
            ranked,
            FinalTest(test, None, (0,)),
            state="complete",
            work=Work(None, {"complete": 300}, 1, 1.0, 60.0, 1.0, {}, None),
            dataset=Dataset("d", "f", 1000, 90, 90, 2),
            space=SPACE,
            base=validation.base_line,
            validation=validation,
        )
        verdicts += found.verdict is not None
        assert validation.lead is not None
        first_sight += validation.lead.is_real
    # Chosen as the best, noise passes for a result more often than the 1.5 times that are due.
    assert first_sight >= 4
    assert verdicts >= 59


def test_where_the_test_rows_agree_a_small_lead_is_believed() -> None:
    lead = Lead(0.02, 0.008)
    validation = dataclasses.replace(measured("val", (0.99, 0.6)), lead=lead)
    ranked = [row(0, validation.value), *(row(i, 0.9) for i in range(1, 50))]
    found = trust(*ranked, validation=validation)
    assert found.verdict is not None
    assert "no more than chance explains for the best of 53 trials on these rows" in found.verdict
    assert found.verdict.endswith("; and no test rows were measured.")
    agreeing = FinalTest(dataclasses.replace(validation, split="test"), None, (0,))
    assert trust(*ranked, validation=validation, test=agreeing).verdict is None
    against = FinalTest(dataclasses.replace(measured("test", (1.0, 0.0)), lead=Lead(0.0, 0.01)), None, (0,))
    verdict = trust(*ranked, validation=validation, test=against).verdict
    assert verdict is not None
    assert "; and its test accuracy, 96.00%, is not more than two standard errors" in verdict
