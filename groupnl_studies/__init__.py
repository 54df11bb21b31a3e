"""Measurements anyone can run again: one folder a study, and beside the folders what several of them use."""
