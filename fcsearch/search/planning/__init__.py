"""What a search will do, decided before it is done: workers, packs, and the sampler."""
