"""What is of TorchServe alone: its Java, its process, its console and its own metrics."""
