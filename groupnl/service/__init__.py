"""From a request to its answer, and the shadow path behind it; knows no server."""
