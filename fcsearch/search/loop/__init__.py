"""The loop of a search: hands out packs, takes their outcomes, and shows the progress."""
