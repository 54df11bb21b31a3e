"""Our messages are those of the protocol: on the wire they are read by Triton's client, and the other way round."""

import warnings
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from groupnl.server.rpc.messages import MESSAGES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tritonclient.grpc import service_pb2 as triton

OTHER_NAMES = {  # ours -> the protocol's
    "Shape": triton.ModelMetadataResponse.TensorMetadata,
    "Wanted": triton.ModelInferRequest.InferRequestedOutputTensor,
    "Parameter": triton.ModelInferRequest.ParametersEntry,
    "Value": triton.InferParameter,
    "Contents": triton.InferTensorContents,
}


def _theirs(name: str) -> list[Any]:
    if name == "Tensor":  # the same for what goes in and what comes out
        return [triton.ModelInferRequest.InferInputTensor, triton.ModelInferResponse.InferOutputTensor]
    return [OTHER_NAMES[name]] if name in OTHER_NAMES else [getattr(triton, name)]


def _kind(field: FieldDescriptor) -> tuple[str, int, int, bool]:
    return field.name, field.number, field.type, field.is_repeated


@pytest.mark.parametrize("name", MESSAGES)
def test_fields(name: str) -> None:
    ours = MESSAGES[name].DESCRIPTOR.fields
    for theirs in _theirs(name):
        known = {_kind(field) for field in theirs.DESCRIPTOR.fields}
        assert {_kind(field) for field in ours} <= known
        if name != "Contents":
            assert len(ours) == len(known)


def test_a_request_of_triton_is_read() -> None:
    sent = triton.ModelInferRequest(model_name="owls", model_version="1.0", id="seven", raw_input_contents=[b"abc"])
    tensor = sent.inputs.add(name="pixels", datatype="UINT8", shape=[1, 1, 1, 3])
    tensor.contents.uint_contents.extend([1, 200, 3])
    tensor.parameters["x"].string_param = "y"
    output = sent.outputs.add(name="best")
    output.parameters["classification"].int64_param = 3
    read = MESSAGES["ModelInferRequest"].FromString(sent.SerializeToString())
    assert (read.model_name, read.model_version, read.id, list(read.raw_input_contents)) == (
        "owls",
        "1.0",
        "seven",
        [b"abc"],
    )
    (given,), (wanted,) = read.inputs, read.outputs
    assert (given.name, given.datatype, list(given.shape)) == ("pixels", "UINT8", [1, 1, 1, 3])
    assert list(given.contents.uint_contents) == [1, 200, 3]
    assert [(each.key, each.value.int64_param) for each in wanted.parameters] == [("classification", 3)]


def test_an_answer_is_read_by_triton() -> None:
    sent = MESSAGES["ModelInferResponse"](model_name="owls", model_version="1.0", id="seven")
    tensor = sent.outputs.add(name="p", datatype="FP32", shape=[1, 2])
    tensor.contents.fp32_contents.extend([0.25, 0.75])
    read = triton.ModelInferResponse.FromString(sent.SerializeToString())
    assert (read.model_name, read.id, list(read.outputs[0].contents.fp32_contents)) == ("owls", "seven", [0.25, 0.75])
