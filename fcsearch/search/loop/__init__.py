"""The loop of a search: hands out packs, hears what came of them, and shows how it goes."""
