"""Labels that come after the answers: read, joined to what is remembered of the answers, counted."""
