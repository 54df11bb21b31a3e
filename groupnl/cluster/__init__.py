"""The same archives on more than one machine: Ray Serve, and several plain services."""
