"""Shadow requests: some live images are answered again, corrupted, out of the client's sight."""

from handlers.shadow.shadows import Shadows
from handlers.shadow.start import start_shadows

__all__ = ["Shadows", "start_shadows"]
