"""The candidates of served models: archives that answer their shadow requests too, to be compared with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from groupnl.archive.read import CONFIG_FILE, read_manifest, unpack
from groupnl.base.mapping import deep_merge
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ConfigError


def check_candidates(candidates: Sequence[str], served: Sequence[str]) -> None:
    """Look whether each of ``MODEL=FILE.mar`` is an archive, for a model that is served.

    Raises:
        ConfigError: nobody serves such a model.
        ArchiveError: an archive that is missing, damaged or not one of ours.
    """
    for item in candidates:
        model, _, file = item.partition("=")
        if model not in served:
            raise ConfigError(
                f"--candidate {item}: no model {model!r} is served that it could be compared with; there are "
                f"{', '.join(served)}"
            )
        read_manifest(Path(file))


def place_candidate(
    model: str, archive: Path, handler: dict[str, Any], candidate: Path, place: Path, changes: Mapping[str, Any]
) -> None:
    """Unpack a model's candidate with the settings that it would be served with, and note where it lies.

    Args:
        model: the served model's name.
        archive: its archive.
        handler: its handler section; gets ``shadow.candidate`` and ``shadow.candidate_dir``.
        candidate: the candidate's archive, which gives it its name.
        place: where it is unpacked.
        changes: of this start in handler sections.

    Raises:
        ConfigError: the model has no shadow requests, or not one class of the candidate.
        ArchiveError: the archive is damaged.
    """
    ours, theirs = (read_manifest(file).card.classes for file in (archive, candidate))
    if not set(ours) & set(theirs):
        raise ConfigError(
            f"{model} cannot be compared with its candidate {candidate}: they have no class in common; {model} knows "
            f"{ours[0]!r}, the candidate {theirs[0]!r}"
        )
    shadow = handler.get("shadow") or {}
    if not isinstance(shadow, dict):  # which the worker refuses by name
        return
    if shadow.get("share") == 0:
        raise ConfigError(
            f"{model} cannot be compared with its candidate {candidate}: no live image is answered again; give "
            "it a share (--shadow-share)"
        )
    unpack(candidate, place)
    settings = read_mapping(place / CONFIG_FILE)
    settings["handler"] = deep_merge(settings.get("handler") or {}, dict(changes))
    (place / CONFIG_FILE).write_text(yaml.safe_dump(settings), encoding="utf-8")
    handler["shadow"] = shadow | {"candidate": candidate.stem, "candidate_dir": str(place)}
