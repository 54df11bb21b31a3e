"""The `.mar` archive: packing a checkpoint, trying it out, reading it."""
