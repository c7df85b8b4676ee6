"""The interface between the loop and the pools, and the training of one pack: no Ray, no files."""
