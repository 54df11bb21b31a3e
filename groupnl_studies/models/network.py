"""What `groupnl_studies.harness.random_network` has; for those who still look for it here."""

from groupnl_studies.harness.random_network import identity, pictures, random_network, usual_input

__all__ = ["identity", "pictures", "random_network", "usual_input"]
