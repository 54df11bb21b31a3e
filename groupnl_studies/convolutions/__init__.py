"""`groupnl study convolutions`: the convolutions in the same networks, trained alike, clean and corrupted."""
