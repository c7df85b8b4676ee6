"""What passes between the loop and whatever trains its packs, and what trains a pack: no Ray, no files."""
