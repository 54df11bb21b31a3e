"""`groupnl study robustness`: trainings that are meant to make networks robust, with and without GroupNL."""
