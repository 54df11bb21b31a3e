"""What live images look like beside held-back ones: which corruptions they carry, and how far they have drifted."""
