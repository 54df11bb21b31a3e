"""Running a network: which device and precision, the rewritten form, and the engines that turn pixels into logits."""
