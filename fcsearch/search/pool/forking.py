"""What the processes that workers are forked from have in common: how one is started, and what it does first.

To import this module takes no library.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from typing import Any

# A separate program, which never imports `__main__`: scripts need no guard. Modules are found where this process finds
# them. To look for garbage while they are imported takes a tenth of that time; `begin_forking` ends that.
_PROGRAM = "import gc, sys; gc.disable(); sys.path[:] = {path!r}; from {module} import main; main({descriptor})"


def start_forking(module: str, descriptor: int, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that forks workers.

    Args:
        module: Where its `main` is, which takes the descriptor.
        descriptor: Its end of a socket.
        **options: As `subprocess.Popen` takes them.
    """
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(path=sys.path, module=module, descriptor=descriptor)],
        # OpenBLAS, which is not used there, would start threads, and a process should be forked while it has only one.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        **options,
    )


def begin_forking() -> None:
    """In that process, once all is imported: prepare what workers would each have to."""
    import torch

    from fcsearch.training.engine.compiling import prepare_for_cpu

    if torch.version.cuda is None and torch.version.hip is None:
        # The first time it takes seconds, in which the search still imports. With CUDA it may not be needed, and GPUs
        # are not to be looked for before a fork.
        prepare_for_cpu()
    # Imported objects stay shared with the workers: their garbage collectors skip them, and so do not write to them.
    gc.freeze()
    gc.enable()
