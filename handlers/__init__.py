"""What TorchServe loads and calls: its class, its context, bytes in and replies out. The rest is `groupnl.service`."""
