"""What one can see of a running server: its counts and those of its workers, its access log, its traces."""
