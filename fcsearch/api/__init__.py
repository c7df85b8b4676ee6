"""fcsearch from Python: searches on data in memory, runs that predict, and estimators for scikit-learn.

`import fcsearch` offers them under short names: `fcsearch.search`, `fcsearch.open_run`,
`fcsearch.FCSearchClassifier`, `fcsearch.FCSearchRegressor`.
"""
