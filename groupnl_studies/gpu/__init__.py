"""`python -m groupnl_studies.gpu`: what a bare machine with a GPU has to say, in one run of some minutes.

The command itself needs the standard library only, so that it can say what is missing. Each part runs in a process of
its own, with a limit, and what it has found is kept however it ends.
"""
