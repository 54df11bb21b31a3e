"""The engines that can run a network, one file each, and the table of them all."""
