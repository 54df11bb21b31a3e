"""Shadow requests: some live images are answered again, corrupted, out of the client's sight."""

from groupnl.service.shadow.sampler import Sampler
from groupnl.service.shadow.start import start_shadows

__all__ = ["Sampler", "start_shadows"]
