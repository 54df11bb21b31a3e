"""`groupnl bench shadow`: services with and without shadow requests under the same load."""
