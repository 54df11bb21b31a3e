"""A process that only computes: it takes batches from a socket, and a `Service` answers them."""

REFUSAL = "refusal"  # the fact of a first message that says why the model cannot be loaded
