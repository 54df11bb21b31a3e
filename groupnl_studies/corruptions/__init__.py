"""`groupnl bench corruptions`: the corruptions, timed beside the reference library."""
