"""Whether a candidate is to take its model's place: what the service has counted of both, and a verdict."""
