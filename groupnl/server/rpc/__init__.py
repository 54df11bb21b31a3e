"""The Open Inference Protocol over gRPC; imported only where its port is asked for."""
