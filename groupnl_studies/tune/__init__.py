"""`groupnl tune`: workers, engine, threads, batch size and delay chosen by measurement on this machine."""
