"""What several studies share: a service of their own, a client and its load, processes, pictures, figures of rounds."""
