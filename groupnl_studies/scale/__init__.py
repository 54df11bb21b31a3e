"""`groupnl study scale`: what a Prometheus needs for many replicas of a service."""
