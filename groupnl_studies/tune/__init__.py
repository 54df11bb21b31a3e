"""`groupnl tune`: batch size, delay and workers chosen by measurement on this machine."""
