"""Searches from scripts and notebooks, and what importing fcsearch costs them."""

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from table_searches import search, table


def test_a_script_needs_no_guard_and_may_search_twice(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy, fcsearch\n"
        "X = numpy.random.default_rng(0).normal(size=(120, 2))\n"
        "space = {'parameters': {'epochs': 3, 'learning_rate': {'choices': [0.1, 0.2]}}}\n"
        "for seed in (0, 1):\n"
        "    options = {'trials': 2, 'seed': seed, 'workers': 1, 'confirm': 1, 'progress': True}\n"
        "    run = fcsearch.search(X, X[:, 0] > 0, space=space, **options)\n"
        "    print(run.predict(X).dtype, run.manifest.workers)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "bool 1\n" * 2), done.stderr
    lines = done.stderr.splitlines()
    assert [line.partition(" in ")[0] for line in lines] == ["fcsearch: 2/2 trials", "fcsearch: 5/5 confirmations"] * 2


def test_a_notebook_shows_one_line_that_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, str]] = []

    class Handle:
        def update(self, content: dict[str, str], raw: bool) -> None:
            assert raw
            shown.append(("update", content["text/plain"]))

    def display(content: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        shown.append(("new", content["text/plain"]))
        return Handle()

    notebook: Any = types.ModuleType("IPython")
    notebook.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    notebook.display = types.SimpleNamespace(display=display)
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    search(table(), label="kind", confirm=0)
    assert [kind for kind, _ in shown] == ["new", *["update"] * (len(shown) - 1)]
    assert shown[0][1].startswith("fcsearch: trials 2, seed 1")
    assert shown[-1][1].startswith("fcsearch: 2/2 trials in")
    shown.clear()
    search(table(), label="kind", progress=False)
    assert shown == []


def test_importing_fcsearch_imports_none_of_it() -> None:
    program = (
        "import sys, fcsearch; print(sorted({'torch', 'sklearn', 'ray', 'pyarrow', 'numpy'} & set(sys.modules))); "
        "fcsearch.search, fcsearch.FCSearchClassifier; print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\nFalse\n"
