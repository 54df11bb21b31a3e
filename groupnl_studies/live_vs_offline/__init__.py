"""`groupnl study live-vs-offline`: are the figures that the running service shows true?"""
