"""`groupnl serve`: what starts, watches and stops the service."""
