"""A process that only computes: it takes batches from a socket, and a `Service` answers them."""

PHASE = "phase"  # the fact of a first message that says what is done from now on, until the model is ready
REFUSAL = "refusal"  # the fact of a first message that says why the model cannot be loaded
TIMES = "times"  # the fact of an answer that tells when its batch went through its stages
CODE = "code"  # the fact of an answer that is an error: which one
SIZE = "size"  # the fact of an item that holds pixels and no file: their width and height
# The facts of an item that is a trial (`groupnl.service.trials`).
CELLS = "cells"  # [[corruption, severity], ...]
SEED = "seed"
SHOWS_PIXELS = "shows_pixels"
