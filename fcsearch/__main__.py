"""`python -m fcsearch`."""

from fcsearch.cli import main

main()
