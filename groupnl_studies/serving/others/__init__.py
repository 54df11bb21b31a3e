"""Other Python servers that `groupnl bench serve --others` asks, each as its own documents advise."""
