"""TorchServe handlers: everything that knows a request."""
