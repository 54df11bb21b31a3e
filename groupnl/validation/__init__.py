"""Accuracy of a checkpoint on labelled images, clean and corrupted as ImageNet-C: `groupnl validate`."""
