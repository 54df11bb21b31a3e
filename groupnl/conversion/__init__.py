"""`groupnl convert`: a GroupNL network made of a trained standard one, with unlabelled images."""
