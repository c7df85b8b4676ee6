"""Runs at a URL, such as s3://bucket/runs/digits: each has a local copy, which all other code reads and writes.

A search writes its local copy; a thread uploads what changes (`mirroring`), in such an order that a crash between two
files loses no trial and counts none twice. Readers, and searches on other machines, first fetch a copy (`fetch`).
"""

from fcsearch.results.remote.address import local_copy, within
from fcsearch.results.remote.fetching import fetch, run_urls
from fcsearch.results.remote.marker import address, stored_bytes
from fcsearch.results.remote.mirror import ROUND_SECONDS, mirroring, sending
from fcsearch.results.remote.taking import attach, detach, is_taken, take
from fcsearch.urls import is_url

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
