"""What a service on Ray Serve loses when replicas and nodes are killed, changed and added under load."""
