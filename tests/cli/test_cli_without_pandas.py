"""Commands do without pandas, and whoever imports it finds it."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
sys.argv = ["fcsearch", "init", "rows.csv", "--label", "kind", "--space", "dropout"]
from fcsearch.cli import main
try:
    main()
except SystemExit as done:
    assert done.code == 0
assert "pyarrow" in sys.modules
print("pandas" in sys.modules)
import pandas, pyarrow
frame = pyarrow.table({"a": [1, 2]}).to_pandas().assign(b=pandas.Series(["x", None], dtype="category"))
print(pyarrow.Table.from_pandas(frame).to_pylist())
print(pyarrow.array(pandas.Series([1.5])).to_pylist(), sum(type(f).__name__ == "_Finder" for f in sys.meta_path))
"""


def test_a_command_does_not_import_pandas_and_frames_are_converted_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "rows.csv").write_text("size,kind\n" + "1,a\n2,b\n" * 30)
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-3:] == ["False", "[{'a': 1, 'b': 'x'}, {'a': 2, 'b': None}]", "[1.5] 0"]


@pytest.mark.parametrize("first", ["leave(); import pandas", "import pandas; leave()", "leave(); import sklearn.utils"])
def test_whoever_imports_pandas_first_has_it(first: str) -> None:
    pytest.importorskip("pandas")
    code = f"from fcsearch.cli.without_pandas import leave_out_pandas as leave; {first}; import pandas, pyarrow\n"
    code += "print(pyarrow.array(pandas.Series(['x', None], dtype='category')).to_pylist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "['x', None]\n"
