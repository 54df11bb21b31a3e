"""What a worker does until its model is ready, and how long: what whoever starts the service waits for."""

from time import monotonic


class Phases:
    """The phases of one start, from the command on; the last one goes on until `end`."""

    def __init__(self) -> None:
        self._names = ["imports"]
        self._begun = [monotonic()]
        self._ended: float | None = None

    def __len__(self) -> int:
        """How many have begun."""
        return len(self._names)

    def __str__(self) -> str:
        """Each with its seconds, e.g. "imports 1.6, archive 0.1"."""
        ends = [*self._begun[1:], self._end()]
        spans = zip(self._names, self._begun, ends, strict=True)
        return ", ".join(f"{name} {end - begun:.1f}" for name, begun, end in spans)

    @property
    def seconds(self) -> float:
        """All of them together."""
        return self._end() - self._begun[0]

    def begin(self, name: str) -> None:
        """The next one begins."""
        self._names.append(name)
        self._begun.append(monotonic())

    def end(self) -> None:
        """The model is ready."""
        self._ended = monotonic()

    def _end(self) -> float:
        return monotonic() if self._ended is None else self._ended
