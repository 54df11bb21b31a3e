"""`python -m groupnl.archive.speed.busy`: keeps one core busy until it is ended."""

if __name__ == "__main__":
    while True:
        pass
