"""Runs at a URL, such as s3://bucket/runs/digits: each has a local copy, which all other rooms read and write.

A search writes its local copy; a thread sends what changed (`mirroring`), in an order in which a crash between two
files loses no trial and doubles none. Readers, and a search on another machine, fetch the copy first (`fetch`).
"""

from fcsearch.results.remote.address import is_url, local_copy, within
from fcsearch.results.remote.fetching import fetch, run_urls
from fcsearch.results.remote.marker import address, stored_bytes
from fcsearch.results.remote.mirror import ROUND_SECONDS, mirroring, sending
from fcsearch.results.remote.taking import attach, detach, is_taken, take

__all__ = [
    "ROUND_SECONDS",
    "address",
    "attach",
    "detach",
    "fetch",
    "is_taken",
    "is_url",
    "local_copy",
    "mirroring",
    "run_urls",
    "sending",
    "stored_bytes",
    "take",
    "within",
]
