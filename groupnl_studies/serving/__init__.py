"""`groupnl bench serve`: our service, TorchServe's stock classifier and no server at all on the same images."""
