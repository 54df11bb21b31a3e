"""Running a network: device, precision, engines."""
