"""`groupnl study statistics`: whether verdicts, intervals and alerts keep what they promise, on simulated traffic."""
