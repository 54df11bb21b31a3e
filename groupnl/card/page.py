"""The model card as a page for people, made from the card so that the two cannot differ."""

from groupnl.base.texts import counted
from groupnl.card import InputConfig, ModelCard, Origin, SplitAccuracy, TrainingRecord


def page(card: ModelCard, file_name: str, sha256: str) -> str:
    """The card in Markdown.

    Args:
        card: what the checkpoint's header holds.
        file_name: of the checkpoint.
        sha256: of the checkpoint, hexadecimal.
    """
    given = card.input
    rows = {
        "architecture": f"`{card.architecture}`",
        "file": f"`{file_name}`",
        "sha256": f"`{sha256}`",
        "input": f"{given.size} x {given.size} {'RGB' if given.channels == 3 else 'grey'}",
        "resize": f"{_resized(given)} to {given.size} / {given.crop_pct:g}, {given.interpolation}, then centre crop",
        "mean": ", ".join(f"{value:g}" for value in given.mean),
        "std": ", ".join(f"{value:g}" for value in given.std),
        "classes": str(len(card.classes)),
    }
    parts = [f"# {card.architecture}, {counted(len(card.classes), 'class')}", _table(("", ""), rows)]
    if card.training:
        parts.append(_training(card.training))
    parts.append("## Classes\n\n" + ", ".join(card.classes))
    return "\n\n".join(parts) + "\n"


def _resized(given: InputConfig) -> str:
    return "shorter side" if given.crop_mode == "center" else "both sides"


def _training(record: TrainingRecord) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    parts = (
        *_accuracy(record.accuracy),
        "## Training",
        f"```\n{record.command}\n```",
        f"Seed {record.seed}, {counted(record.epochs, 'epoch')}, {versions}.",
        *map(_origin, record.origins),
        *filter(None, [record.robust]),
        "## Data",
        record.data,
        _table(("source", "licence"), record.licences),
    )
    return "\n\n".join(parts)


def _accuracy(accuracy: dict[str, SplitAccuracy]) -> tuple[str, ...]:
    rows = "\n".join(
        f"| {split} | {found.images} | {found.top1:.1%} | {found.top5:.1%} |" for split, found in accuracy.items()
    )
    return ("## Accuracy", f"| split | images | top 1 | top 5 |\n|---|---|---|---|\n{rows}") if rows else ()


def _origin(origin: Origin) -> str:
    role, file, name = origin.role.capitalize(), f"`{origin.file}`", f"`{origin.architecture}`"
    return f"{role} {file}, {name}, sha256 `{origin.sha256}`: {origin.said}."


def _table(head: tuple[str, str], rows: dict[str, str]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    return "\n".join(lines + [f"| {key} | {value} |" for key, value in rows.items()])
