"""`groupnl study precision`: every engine on a labelled test set, against the published form in float32."""
