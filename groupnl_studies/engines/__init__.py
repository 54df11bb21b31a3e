"""`groupnl study engines`: whether `--engine auto` takes the fastest way, for GroupNL networks and their twins."""
