"""The stacked arithmetic of packs: passes, losses and update rules of many members at once. It knows no data set."""
