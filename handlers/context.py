"""What the handler uses of TorchServe's context, so that nothing of TorchServe is imported."""

from collections.abc import Mapping
from typing import Any, Protocol


class Context(Protocol):
    """The part of ``ts.context.Context`` that this package relies on.

    Attributes:
        model_name: as registered with TorchServe.
        model_yaml_config: content of the archive's `model-config.yaml`; None if it is empty.
        system_properties: ``model_dir``, ``gpu_id`` (None without a GPU), ``batch_size``.
    """

    model_name: str
    model_yaml_config: Mapping[str, Any] | None

    @property
    def system_properties(self) -> Mapping[str, Any]:
        """Facts about this worker."""

    def get_all_request_header(self, idx: int) -> Mapping[str, Any]:
        """Headers of request `idx`, and for each form field a mapping under the field's name."""

    def set_response_status(self, code: int, phrase: str, idx: int) -> None:
        """Set the HTTP status of answer `idx`."""

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Set the content type of answer `idx`."""
