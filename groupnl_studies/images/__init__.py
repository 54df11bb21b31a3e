"""`groupnl bench images`: the way from bytes to model input, timed beside the reference."""
