"""The `handler:` section of an archive's `model-config.yaml`: how this service answers with the model."""

from pydantic import BaseModel, ConfigDict

from groupnl.archive.shadow_config import ShadowConfig
from groupnl.base.numbers import Positive
from groupnl.images import Limits
from groupnl.inference.device_names import Device, ServedPrecision
from groupnl.inference.engine_names import EngineChoice


class HandlerConfig(BaseModel):
    """Configuration of the handler.

    Attributes:
        device: what to run on; `auto` takes CUDA where there is one.
        engine: what runs the network: PyTorch as it is (`eager`) or compiled at the start (`compile`), a package
            compiled when packing (`aot`), ONNX Runtime (`onnx`), OpenVINO (`openvino`). The last three need what
            packing with the same engine puts into the archive. `auto` takes the fastest of those in the archive.
        precision: of the network's products; `auto` takes the fastest float that the device computes in. `int8`
            needs an archive that was packed for it.
        limits: what one image may cost.
        top_k: classes in an answer, where the request does not say.
        threads: threads of one forward pass on the CPU; None leaves the number that the server's start gave
            the worker process.
        max_consecutive_faults: so many failed forward passes in a row end the worker process; the server
            then starts a new one. A CUDA fault leaves a process unusable that still looks healthy.
        calibrated: serve probabilities that are honest: the logits are divided by the temperature that
            `groupnl traffic` found, which the archive must hold. The order of classes stays.
        shadow: which images are answered again, corrupted, out of the client's sight.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    device: Device = "auto"
    engine: EngineChoice = "eager"
    precision: ServedPrecision = "auto"
    limits: Limits = Limits()
    top_k: Positive = 5
    threads: Positive | None = None
    max_consecutive_faults: Positive = 3
    calibrated: bool = False
    shadow: ShadowConfig = ShadowConfig()
