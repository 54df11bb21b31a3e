"""How fast the engines of an archive are on a machine: measured when packing, and where the archive meets another one.

Light where `groupnl serve` imports it: only the processes that measure import torch.
"""
