"""The one error tree. Each class carries the HTTP status and the code that a client sees.

A client's fault (`InputError`) is answered with our own sentence; a fault of ours is answered with a fixed
text, and its traceback goes to the log.
"""

from collections.abc import Sequence
from typing import ClassVar


class GroupNLError(Exception):
    """Root of every error this project raises on purpose; its text says what was wrong and what to do."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"


class ConfigError(GroupNLError):
    """A configuration value or command-line option that cannot be used."""

    code = "config"


class OptionError(ConfigError):
    """A value on the command line that cannot be used, whatever lies on the disk: the command's user mistyped it."""


class EngineStartError(ConfigError):
    """An engine whose library is installed but does not start on this machine's device."""


class CheckpointError(GroupNLError):
    """A checkpoint that is refused: unreadable, of another architecture, or with unusable weights."""

    code = "checkpoint"


class ArchiveError(GroupNLError):
    """A `.mar` archive that is missing, damaged or not one of ours."""

    code = "archive"


class RewriteError(GroupNLError):
    """A network that cannot be brought into the form for inference, or an engine that cannot be built of it."""


class ServerError(GroupNLError):
    """The service could not be started, or ended by itself."""

    code = "server"


class InputError(GroupNLError):
    """A request item that cannot be answered; only that item fails, never its batch."""

    status = 400
    code = "bad_input"


class EmptyInputError(InputError):
    """The request carries no bytes."""

    code = "empty"


class UndecodableError(InputError):
    """The bytes look like an image of a supported format but cannot be decoded."""

    code = "undecodable"


class InvalidHeaderError(InputError):
    """A request header (`X-Top-K`, `X-Label`) has a value that cannot be used."""

    code = "invalid_header"


class TooLargeError(InputError):
    """More bytes than the limit."""

    status = 413
    code = "too_large"


class TooManyPixelsError(InputError):
    """More pixels than the limit; found out from the header, before anything is decoded."""

    status = 413
    code = "too_many_pixels"


class UnsupportedTypeError(InputError):
    """Not an image, or an image of a format that is not accepted."""

    status = 415
    code = "unsupported_type"


class RefusedError(GroupNLError):
    """A request that the server answers by itself: no worker has seen it, or none can answer it."""

    status = 400
    code = "bad_request"


class UnauthorizedError(RefusedError):
    """No key, or a wrong one."""

    status = 401
    code = "unauthorized"


class ForbiddenError(RefusedError):
    """A key that is for something else, or a web page that wants what is not for pages."""

    status = 403
    code = "forbidden"


class NotFoundError(RefusedError):
    """Nothing has this address: no such page, model or version."""

    status = 404
    code = "not_found"


class MethodError(RefusedError):
    """The address is not for this method.

    Args:
        allowed: methods that it is for.
    """

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"This address takes {' and '.join(allowed)} only.")
        self.allowed = tuple(allowed)


class FormError(RefusedError):
    """A form that cannot be read, or that holds no image or several."""

    code = "bad_form"


class JsonError(RefusedError):
    """A body that is no JSON, or JSON that no two readers understand alike."""

    code = "bad_json"


class Base64Error(RefusedError):
    """An image whose base64 cannot be read."""

    code = "bad_base64"


class ContentError(RefusedError):
    """A body that can be read, but does not say what its address asks for."""

    status = 422
    code = "bad_content"


class LengthRequiredError(RefusedError):
    """A request for an image that tells no length of its body."""

    status = 411
    code = "length_required"


class EncodedBodyError(RefusedError):
    """A body that is compressed."""

    status = UnsupportedTypeError.status
    code = "encoded_body"


class TooManyImagesError(RefusedError):
    """More images in a request than the limit."""

    status = 413
    code = "too_many_images"


class SlowRequestError(RefusedError):
    """The request did not arrive in time."""

    status = 408
    code = "request_timeout"


class BodyTooLargeError(RefusedError):
    """More bytes than the limit, seen before they are all here."""

    status = 413
    code = TooLargeError.code


class HeadersTooLargeError(RefusedError):
    """More bytes of headers than the limit."""

    status = 431
    code = "headers_too_large"


class ExpectationError(RefusedError):
    """The client makes its request depend on something that is not done here."""

    status = 417
    code = "expectation_failed"


class TransferCodingError(RefusedError):
    """The body's Transfer-Encoding cannot be read."""

    status = 501
    code = "transfer_coding"


class VersionError(RefusedError):
    """The request is of a version of HTTP that is not spoken."""

    status = 505
    code = "http_version"


class QueueFullError(RefusedError):
    """More requests than the service can answer wait already."""

    status = 503
    code = "queue_full"


class NoWorkerError(RefusedError):
    """Every worker of the model is being restarted."""

    status = 503
    code = "no_worker"


class StoppingError(RefusedError):
    """The service ends."""

    status = 503
    code = "stopping"


class DeadlineError(RefusedError):
    """There was no answer in the time that the client, or the service, gave."""

    status = 504
    code = "deadline"

    def __init__(self) -> None:
        super().__init__("There was no answer in the time that this request had.")


class ReloadError(RefusedError):
    """The new version of a model cannot be served."""

    status = 409
    code = "not_reloaded"


class KillerError(RefusedError):
    """The image has ended the processes that tried to answer it."""

    status = 500
    code = "crashed"


def input_errors() -> tuple[type[InputError], ...]:
    """Every kind of `InputError`."""
    return (InputError, *InputError.__subclasses__())


def refused_errors() -> tuple[type[RefusedError], ...]:
    """Every kind of `RefusedError`."""
    return (RefusedError, *RefusedError.__subclasses__())


def not_installed(package: str, extra: str | None = None) -> str:
    """What is said where a package is missing that only a part of the project needs.

    Args:
        package: its name.
        extra: of ours, which has it; None: what measures has it, which is installed beside the service.
    """
    installs = "./groupnl_studies" if extra is None else f"'.[{extra}]'"
    return f"{package} is not installed: `make install`, or `pip install -e {installs}`, in the source folder"
