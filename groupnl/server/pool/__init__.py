"""From a request's bytes to its answer: a bounded queue for each model, and the worker processes that empty it."""
