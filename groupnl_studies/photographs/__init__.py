"""`groupnl study photographs`: answers to photographs, and their shadows, beside those of timm's own network."""
