"""A network in a form that computes the same and is quicker to run; see `to_inference`."""

from groupnl.inference.rewrite.to_inference import as_published, own_copy, to_inference

__all__ = ["as_published", "own_copy", "to_inference"]
