"""What studies share that train the same small networks over a grid of choices, once for each cell and seed."""
