"""Measurements of the running service: what shadow requests cost, and whether the live figures are true."""
