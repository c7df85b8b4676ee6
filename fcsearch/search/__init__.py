"""The search: Ray Tune and Optuna around packs.

`fcsearch.search.api` starts searches and goes on with them. Its rooms, each of which may import those after it:
`loop/`, `ray_pool/` and `local_pool/` (none knows another), `record/`, `pool/` (the seam between them), `planning/`.
Workers on other machines import parts of this package: this file imports nothing else, so that they load no more
than they need. The package can be called: `fcsearch.search(X, y)` is `fcsearch.api.searching.search`.
"""

import sys

from fcsearch import SearchPackage

sys.modules[__name__].__class__ = SearchPackage
