"""HTTP: connections, addresses, the protocols in which images come and answers go."""
