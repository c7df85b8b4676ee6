"""The report as a page: one file, well formed, escaped."""

import base64
import dataclasses
import hashlib
import html
import json
import re
import shutil
from pathlib import Path

import pytest
from page_checks import check, commands_in, data_of, without_scripts
from synthetic_run import SPACE, add_trials, epoch_rows, make_run, manifest, trial_row

from fcsearch.report import FinalTest, build_report, write_report
from fcsearch.report.judgement import Caution, Verdict
from fcsearch.report.page import render_html
from fcsearch.results import RunDirectory
from fcsearch.selection import Confirmation, Confirmed
from fcsearch.space import SearchSpace

STARTED, HOLDING = "In the folder where the search was started", "In the folder that holds the run"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, made_run: RunDirectory) -> str:
    path = tmp_path_factory.mktemp("page") / "synthetic"
    shutil.copytree(made_run.path, path)
    write_report(RunDirectory.open(path))
    return (path / "report.html").read_text()


def test_is_well_formed_and_asks_nobody_for_anything(page: str) -> None:
    checker = check(page)
    assert checker.tags["link"] == checker.tags["img"] == checker.tags["iframe"] == 0
    assert re.search(r"https?:", without_scripts(page)) is None
    assert "@import" not in page
    assert "url(" not in page.split("</style>")[0]
    assert "sourceMappingURL" not in page


def test_a_browser_runs_the_scripts_of_the_page_and_no_others(page: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    policy = html.unescape(policy)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy) == hashes
    assert len(hashes) == 5


def test_holds_the_best_network_the_tables_and_the_remarks(page: str) -> None:
    best = max((trial_row(i) for i in range(48)), key=lambda row: row.get("val_accuracy", 0))
    assert f"Best network: trial {best['trial_id']}" in page
    assert f"{100 * best['val_accuracy']:.2f}%" in page
    assert "is the figure to quote" in page
    assert f"--trial {best['trial_id']}" in commands_in(page)
    table = page[page.index('id="trials"') : page.index("<noscript>")]
    assert table.count('<th scope="row">') == 10
    for section in ("won", "sure", "mattered", "next", "all", "run"):
        assert f'<h2 id="{section}">' in page


def test_every_trial_is_in_the_page_the_best_first_with_why_it_ended(page: str) -> None:
    columns = data_of(page)["columns"]
    rows = {i: trial_row(i) for i in range(48)}
    assert sorted(columns["trial"]) == list(range(48))
    values = [value for value in columns["value"] if value is not None]
    assert values == sorted(values, reverse=True)
    assert None not in columns["value"][: len(values)]
    found = dict(zip(columns["trial"], zip(columns["state"], columns["why"], strict=True), strict=True))
    assert {trial: state for trial, (state, _) in found.items()} == {trial: row["state"] for trial, row in rows.items()}
    whys = dict(found.values())
    assert whys == {
        "complete": "ran all its epochs",
        "stopped": "early stopping: behind the others after epoch 3 of 10",
        "diverged": "its loss was no longer finite after epoch 1 of 10",
    }


def test_every_chart_has_a_place_a_name_and_its_data(page: str) -> None:
    charts = data_of(page)["charts"]
    assert set(re.findall(r'data-chart="([^"]*)"', page)) == set(charts)
    assert {"figures", "confusion", "curves", "losses", "size", "importances", "map", "parallel"} < set(charts)
    assert {"over-trials", "over-time", "time-line", "slice-learning_rate"} < set(charts)
    assert page.count("Its data as a table") == len(charts)
    assert all(chart["spec"]["description"] for chart in charts.values())


def test_a_run_without_confirmation_explains_no_confirmed_figure(page: str) -> None:
    assert "Lines are one standard error to each side. The baseline" in page


def test_the_curves_are_those_of_the_top_trials(page: str) -> None:
    data = data_of(page)
    best = data["columns"]["trial"][0]
    grey, rule, lines = data["charts"]["curves"]["spec"]["layer"]
    assert len({row["trial"] for row in grey["data"]["values"]} | {best}) == 10
    assert {row["line"] for row in lines["data"]["values"]} == {"validation", "training"}
    assert rule["data"]["values"] == [{"epoch": trial_row(best)["best_epoch"]}]


def test_says_nothing_of_the_machine(run: RunDirectory) -> None:
    trials = [{**trial_row(48), "state": "failed", "error": f"no room in {run.path}/models on node-1, 10.1.2.3:77"}]
    run.write_pack(run.next_pack_id(), trials, [])
    command = ["/opt/venv/bin/fcsearch", "run", "/home/anna/my spaces/x.yaml", "--address", "ray://head.lab:10001"]
    run.update_manifest({"command": command, "machine": {"host": "annas-mac", "cpus": 2}, "error": f"{Path.home()}/x"})
    write_report(run)
    page = (run.path / "report.html").read_text()
    told = without_scripts(page) + json.dumps(data_of(page))
    for secret in (
        str(run.path),
        str(run.path.parent),
        "node-1",
        "10.1.2.3",
        "/opt/",
        "anna",
        "head.lab",
        str(Path.home()),
    ):
        assert secret not in told, told[max(0, told.index(secret) - 80) :][:160]
    assert "machine 1" in told
    assert "no room in " in told


def test_what_users_named_is_escaped(run: RunDirectory) -> None:
    run.update_manifest({"error": "<script>alert(1)</script>", "name": '"><img src=x>'})
    failed = {**trial_row(48), "state": "failed", "error": "</script><script>alert(2)</script>"}
    run.write_pack(run.next_pack_id(), [failed], [])
    write_report(run)
    page = (run.path / "report.html").read_text()
    assert check(page).tags["script"] == 6
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in without_scripts(page)
    assert "</script><script>alert(2)</script>" in data_of(page)["columns"]["why"]


@pytest.mark.parametrize("trials", [0, 1, 2, 9])
def test_small_runs(tmp_path: Path, trials: int) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r", state="interrupted"))
    add_trials(run, range(trials))
    write_report(run)
    check((run.path / "report.html").read_text())


def test_values_of_every_kind_can_be_drawn(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r"))
    rows = []
    for trial_id in range(24):
        row = trial_row(trial_id)
        row["hidden_dims"] = [[64, 32], [128], [], [10, 10, 10]][trial_id % 4]
        row["weight_scale"] = None if trial_id % 5 == 0 else 10.0 ** -(trial_id / 8)
        row["reg"] = trial_id % 3 * 0.1
        # All trials of one rule diverge: there is nothing to draw for it.
        if row["update_rule"] == "sgd_momentum":
            row["state"] = "diverged"
        rows.append(row)
    run.write_pack(0, rows, [])
    found = write_report(run)
    page = (run.path / "report.html").read_text()
    check(page)
    assert {"hidden_dims", "weight_scale", "reg", "momentum"} <= {effect.parameter for effect in found.effects}
    charts = data_of(page)["charts"]
    assert "slice-momentum" not in charts
    assert "slice-hidden_dims" in charts


def test_a_large_run_stays_a_small_page(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r"))
    base = [trial_row(trial_id) for trial_id in range(20)]
    epochs = [epoch_rows(row) for row in base]
    many = [{**row, "trial_id": i} for i in range(1000) for row in epochs[i % 20]]
    run.write_pack(0, [{**base[i % 20], "trial_id": i} for i in range(6000)], many)
    write_report(run)
    assert (run.path / "report.html").stat().st_size < 3_000_000


def test_the_advice_is_on_the_page_as_a_space_with_its_command(run: RunDirectory) -> None:
    run.update_manifest({"space": SearchSpace.from_mapping({**SPACE, "early_stopping": "asha"}).to_json()})
    write_report(run)
    page = (run.path / "report.html").read_text()
    # Quoted where the folder's own path has to be.
    assert "fcsearch run synthetic/next_space.yaml --from synthetic" in commands_in(page).replace("&#39;", "")
    assert "<code># What to try next, from 48 trials of the run synthetic." in page
    (run.path / "next_space.yaml").unlink()
    assert "next_space.yaml" not in render_html(build_report(run, test=FinalTest(note="")), run)


def test_what_is_typed_is_set_as_code_and_no_word_of_a_command_is_broken(page: str) -> None:
    assert "<code>fcsearch confirm</code>" in page
    assert "`" not in without_scripts(page)
    (command,) = re.findall(r"<p class=\"small\">Train the best network again</p>\s*<pre><code>(.*?)</code>", page)
    assert '<span class="word">--trial</span> <span class="word">' in command


def test_the_page_says_how_to_open_the_run_in_the_dashboard_of_optuna(page: str) -> None:
    assert "In Optuna&#39;s dashboard, after pip install &#34;fcsearch[dashboard]&#34;" in page
    assert "<code>optuna-dashboard runs/synthetic/study.journal</code>" in commands_in(page)


def test_the_state_has_its_colour_also_where_a_time_budget_ended_the_search(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", manifest("run", ended_by="time_budget", options={"trials": 96}))
    add_trials(run, range(8))
    report = build_report(run, test=FinalTest(note="none"))
    assert '<span class="state complete">ended by its time budget</span>' in render_html(report, run)


@pytest.mark.parametrize(
    ("command", "path", "where"),
    [
        (["fcsearch", "run", "t.csv"], "runs/here", STARTED),
        (["fcsearch", "run", "t.csv", "--out", "out/mine"], "out/mine/here", STARTED),
        (["fcsearch", "run", "t.csv", "--out=out"], "out/here", STARTED),
        (["fcsearch", "run", "t.csv", "--out", "/home/someone/out"], "here", HOLDING),
        (["fcsearch", "run", "t.csv", "--out", "s3://bucket/out"], "here", HOLDING),
        (["fcsearch.search"], "here", HOLDING),
        ([], "here", HOLDING),
    ],
)
def test_the_commands_work_in_the_folder_that_the_page_names(
    tmp_path: Path, command: list[str], path: str, where: str
) -> None:
    run = make_run(tmp_path / "here", trials=8, command=command)
    write_report(run)
    page = commands_in((run.path / "report.html").read_text())
    assert f'<p class="muted small">{where}.</p>' in page
    assert ("Search again" in page) == (len(command) > 1)
    assert ("Search again, in the folder where the search was started" in page) == (
        len(command) > 1 and where == HOLDING
    )
    assert f"fcsearch predict {path} NEW_ROWS" in page
    assert f"--run {path} --trial" in page


def test_the_page_says_first_what_the_terminal_says_first(run: RunDirectory) -> None:
    found = build_report(run, test=FinalTest(note="-"))
    caution = "On the 9 test rows the network is not ahead."
    trust = dataclasses.replace(found.trust, caution=Caution(caution), remedies=(("dataset.folds=5",),))
    page = commands_in(render_html(dataclasses.replace(found, trust=trust), run))
    assert f'<p class="verdict">{caution}</p>' in page
    assert "Before all else, in the folder where the search was started:" in page
    assert "fcsearch run runs/synthetic --set dataset.folds=5" in page
    verdict = dataclasses.replace(trust, caution=None, verdict=Verdict("nothing was learned", "x."))
    page = commands_in(render_html(dataclasses.replace(found, trust=verdict), run))
    assert "Best network" not in page
    assert "fcsearch predict" not in page


def test_after_a_verdict_the_page_shows_no_winner_with_other_seeds(run: RunDirectory) -> None:
    found = build_report(run, test=FinalTest(note="-"))
    entries = [Confirmed(trial, 0.9, {1: 0.9}, 0.9, None, 1.0, 0, 0.0, None, tied=True) for trial in (4, 29)]
    confirmation = Confirmation("accuracy", (1,), 2, 2, tuple(entries), None)
    found = dataclasses.replace(found, confirmation=confirmation)
    assert "Confirmed with other seeds" in render_html(found, run)
    trust = dataclasses.replace(found.trust, verdict=Verdict("nothing was learned", "x."))
    assert "Confirmed with other seeds" not in render_html(dataclasses.replace(found, trust=trust), run)


def test_the_page_offers_what_is_to_be_used_in_place_of_the_network(run: RunDirectory) -> None:
    found = build_report(run, test=FinalTest(note="-"))
    caution = Caution("Do not use the network.", forbids=True, model="ensemble")
    page = commands_in(
        render_html(dataclasses.replace(found, trust=dataclasses.replace(found.trust, caution=caution)), run)
    )
    assert "Best network" not in page
    assert "fcsearch train" not in page
    assert "fcsearch predict runs/synthetic --model ensemble NEW_ROWS --out predictions.csv" in page
    assert "fcsearch export runs/synthetic --model ensemble --out" in page
    caution = Caution("Do not use the network.", forbids=True, seed=2)
    page = commands_in(
        render_html(dataclasses.replace(found, trust=dataclasses.replace(found.trust, caution=caution)), run)
    )
    assert re.search(r"fcsearch train --run runs/synthetic --trial \d+ --seed 2 --save model.safetensors", page)
    assert "fcsearch predict" not in page
    assert "fcsearch export" not in page
