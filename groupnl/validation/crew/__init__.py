"""Who counts the pieces: this process, several of this machine or of torchrun, or the tasks of a Ray cluster."""
