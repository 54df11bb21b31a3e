"""`groupnl study nonlinearity`: how much of a generated map is a straight line of its seed."""
