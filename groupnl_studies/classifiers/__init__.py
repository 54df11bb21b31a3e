"""`groupnl study classifiers`: networks of timm and torchvision, packed and asked, beside timm's own answers."""
