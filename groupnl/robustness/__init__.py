"""Robustness of a served model: which requests are looked at, how answers are compared, what the counts say."""
