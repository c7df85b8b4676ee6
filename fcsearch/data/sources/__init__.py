"""Where rows come from: files of each format, the named datasets, openml.org."""
