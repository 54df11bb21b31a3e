"""The messages of the Open Inference Protocol, as protobuf: names, numbers and types of their fields.

They are those of the protocol's specification (https://github.com/kserve/open-inference-protocol), but for two things
that are the same on the wire: parameters are a list of names and values, and a value is no `oneof`. They lie in a pool
of their own, so that a program may load another description of them, as Triton's client has.
"""

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "inference.GRPCInferenceService"
_PACKAGE = "inference"
_FIELD = re.compile(r"(\w+)=(\d+):(\w+)(\*?)")
_READY = "ready=1:bool"
_NAMED = "name=1:string version=2:string"
_MESSAGES = {  # fields: name=number:type; * after what may stand several times
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live=1:bool",
    "ServerReadyRequest": "",
    "ServerReadyResponse": _READY,
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": _READY,
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": f"{_NAMED} extensions=3:string*",
    "ModelMetadataRequest": _NAMED,
    "ModelMetadataResponse": "name=1:string versions=2:string* platform=3:string inputs=4:Shape* outputs=5:Shape*",
    "Shape": "name=1:string datatype=2:string shape=3:int64*",
    "ModelInferRequest": (
        "model_name=1:string model_version=2:string id=3:string parameters=4:Parameter* inputs=5:Tensor* "
        "outputs=6:Wanted* raw_input_contents=7:bytes*"
    ),
    "ModelInferResponse": (
        "model_name=1:string model_version=2:string id=3:string parameters=4:Parameter* outputs=5:Tensor* "
        "raw_output_contents=6:bytes*"
    ),
    "Tensor": "name=1:string datatype=2:string shape=3:int64* parameters=4:Parameter* contents=5:Contents",
    "Wanted": "name=1:string parameters=2:Parameter*",
    "Parameter": "key=1:string value=2:Value",
    "Value": "bool_param=1:bool int64_param=2:int64 string_param=3:string double_param=4:double uint64_param=5:uint64",
    "Contents": "uint_contents=4:uint32* fp32_contents=6:float* bytes_contents=8:bytes*",  # of the types that we know
}


def _messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="groupnl/inference.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in _FIELD.finditer(fields):
            message.field.append(_field(*field.groups()))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


def _field(name: str, number: str, kind: str, several: str) -> descriptor_pb2.FieldDescriptorProto:
    kinds = descriptor_pb2.FieldDescriptorProto
    field = kinds(name=name, number=int(number), label=kinds.LABEL_REPEATED if several else kinds.LABEL_OPTIONAL)
    if kind in _MESSAGES:
        field.type, field.type_name = kinds.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(kinds, f"TYPE_{kind.upper()}")
    return field


MESSAGES = _messages()
