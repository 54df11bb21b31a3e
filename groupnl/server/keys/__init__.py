"""Keys: what clients show to be let in, and what the service keeps of them."""
