"""`/openapi.json`: every address for clients, in the words of OpenAPI 3.1. A test compares it with the routes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import groupnl
from groupnl.server.web.answer import JSON, Answer, json_answer
from groupnl.server.web.asking import TIMEOUT_HEADER
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.trials import PNG
from groupnl.server.web.v2_body import BINARY
from groupnl.service.items import KEY_HEADER, LABEL_HEADER, TOP_K_HEADER

Object = dict[str, Any]
EXAMPLES = "x-codeSamples"
_ASK, _READ = ("put", "post"), ("get",)
_PARAMETER = re.compile(r"\{(\w+)\}")
_OF_PARAMETERS = {"name": "Name of a model.", "version": "Version of the model; without it, its newest answers."}
_HEADERS = {
    TOP_K_HEADER: ("integer", "How many classes an answer names."),
    KEY_HEADER: ("string", "What the client calls the request; it chooses which images are looked at again."),
    LABEL_HEADER: ("string", "The true class of the one image, by name or position."),
    TIMEOUT_HEADER: ("integer", "After so many milliseconds the answer is 504."),
}
_QUERY = {
    "corruption": ({"type": "string"}, "One of ImageNet-C's nineteen, such as fog."),
    "severity": ({"type": "integer", "minimum": 1, "maximum": 5}, "How strong."),
    "seed": ({"type": "integer", "minimum": 0}, "Of its random numbers, beside the image's key; else the service's."),
}
_REFUSALS = {
    400: "The body, or a header, cannot be used.",
    401: "A key is needed (Authorization: Bearer KEY), or it is unknown.",
    403: "The key is for something else, or the service has another name.",
    404: "There is no such model or version.",
    408: "The body came too slowly.",
    411: "The request tells no length of its body.",
    413: "Too many bytes, pixels or images.",
    415: "No image, or one of a format that is not accepted; or a compressed body.",
    422: "The JSON can be read, but does not say what is asked for here.",
    500: "The service has failed.",
    503: "Too many requests wait, no worker is ready, or the service stops; Retry-After says when to ask again.",
    504: "There was no answer in time.",
}
_NOT_FOUND = {404: _REFUSALS[404]}
_NOT_READY = {503: "Not yet, or not any more."}


def _ref(name: str) -> Object:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Sequence[str] = (), **properties: Object) -> Object:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: Object) -> Object:
    return {"type": "array", "items": items}


_TEXT, _NUMBER, _WHOLE, _TRUTH = ({"type": kind} for kind in ("string", "number", "integer", "boolean"))
_ANY: Object = {}
_TENSOR = _object(("name", "datatype", "shape"), name=_TEXT, datatype=_TEXT, shape=_list(_WHOLE))
_ENCODED = _object(("b64",), b64={"type": "string", "contentEncoding": "base64"})
SCHEMAS: Mapping[str, Object] = {
    "Error": _object(("code", "message"), code=_TEXT, message=_TEXT),
    "V2Error": _object(("error", "code", "message"), error=_TEXT, code=_TEXT, message=_TEXT),
    "Classes": {
        "description": "Class names and probabilities, most probable first.",
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "Models": _object(("models",), models=_list(_object(("modelName", "modelUrl"), modelName=_TEXT, modelUrl=_TEXT))),
    "Descriptions": _list(
        _object(("modelName", "modelVersion", "workers"), modelName=_TEXT, modelVersion=_TEXT, workers=_list(_ANY))
    ),
    "Robustness": _object(
        ("clean", "cells"),
        clean=_ref("Classes"),
        cells=_list(
            _object(
                ("corruption", "severity", "holds", "classes"),
                corruption=_TEXT,
                severity=_WHOLE,
                holds={**_TRUTH, "description": "Whether the best class is that of the clean image."},
                classes=_ref("Classes"),
            )
        ),
    ),
    "Health": _object(("status",), status=_TEXT),
    "V1Models": _object(("models",), models=_list(_TEXT)),
    "V1Status": _object(("name", "ready"), name=_TEXT, ready=_TRUTH, model_version_status=_list(_ANY)),
    "V1Request": _object(("instances",), instances=_list(_ENCODED)),
    "V1Answer": _object(
        ("predictions",),
        predictions=_list({"anyOf": [_ref("Classes"), _object(("error",), error=_ref("Error"))]}),
    ),
    "V2Health": _object((), live=_TRUTH, ready=_TRUTH, name=_TEXT),
    "V2Server": _object(("name", "version", "extensions"), name=_TEXT, version=_TEXT, extensions=_list(_TEXT)),
    "V2Model": _object(
        ("name", "versions", "inputs", "outputs"),
        name=_TEXT,
        versions=_list(_TEXT),
        platform=_TEXT,
        inputs=_list(_TENSOR),
        outputs=_list(_TENSOR),
    ),
    "V2Request": _object(
        ("inputs",),
        id=_TEXT,
        inputs={
            **_list(
                _object(
                    ("name", "datatype", "shape"),
                    name=_TEXT,
                    datatype={"enum": ["BYTES", "UINT8"]},
                    shape=_list(_WHOLE),
                    data={"type": "array", "description": "BYTES: files in base64. UINT8: levels of [N, H, W, 3]."},
                    parameters=_object((), binary_data_size=_WHOLE),
                )
            ),
            "minItems": 1,
            "maxItems": 1,
        },
        outputs=_list(
            _object(("name",), name=_TEXT, parameters=_object((), classification=_WHOLE, binary_data=_TRUTH))
        ),
        parameters=_object((), binary_data_output=_TRUTH),
    ),
    "V2Answer": _object(
        ("model_name", "model_version", "outputs"),
        id=_TEXT,
        model_name=_TEXT,
        model_version=_TEXT,
        outputs=_list({**_TENSOR, "properties": {**_TENSOR["properties"], "data": _list(_ANY)}}),
    ),
}


def _content(*of_types: tuple[str, Object]) -> Object:
    return {kind: {"schema": schema} for kind, schema in of_types}


_FILE: Object = {"description": "The image."}
_FORM = _object((), any={"description": "The only file of the form, under any name."})
_RAW = _content((BINARY, _FILE), ("image/*", _FILE), ("multipart/form-data", _FORM), ("*/*", _FILE))
_V1 = _content((JSON, _ref("V1Request")))
_V2 = _content((JSON, _ref("V2Request")), (BINARY, {"description": "JSON, and the values of the tensors behind it."}))


def _operation(
    summary: str,
    answer: str,
    *,
    body: Object | None = None,
    refusals: Mapping[int, str] | None = None,
    error: str = "Error",
    example: str = "",
    headers: Sequence[str] = (),
) -> Object:
    refused = {str(status): _response(text, error) for status, text in (refusals or {}).items()}
    operation: Object = {"summary": summary, "responses": {"200": _response("The answer.", answer), **refused}}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    if headers:
        operation["parameters"] = [_header(name) for name in headers]
    if example:
        operation[EXAMPLES] = [{"lang": "shell", "source": example}]
    return operation


def _response(text: str, schema: str) -> Object:
    kind = schema if "/" in schema else JSON
    return {"description": text, "content": {kind: {} if "/" in schema else {"schema": _ref(schema)}}}


def _header(name: str) -> Object:
    kind, text = _HEADERS[name]
    return {"name": name, "in": "header", "description": text, "schema": {"type": kind}}


def _asked(summary: str, answer: str, body: Object, example: str, error: str = "Error") -> Object:
    """An operation that asks about images."""
    headers = list(_HEADERS) if answer != "V2Answer" else [KEY_HEADER, LABEL_HEADER, TIMEOUT_HEADER]
    return _operation(summary, answer, body=body, refusals=_REFUSALS, error=error, example=example, headers=headers)


def _tried(summary: str, answer: str, example: str) -> Object:
    """An operation that asks about one image under a corruption."""
    operation = _asked(summary, answer, _RAW, example)
    query = [
        {"name": name, "in": "query", "description": text, "schema": schema} for name, (schema, text) in _QUERY.items()
    ]
    return {**operation, "parameters": [*query, *operation["parameters"]]}


_LISTED = "Lists the models."
_ONE_IMAGE = _asked(
    "Classes of one image.", "Classes", _RAW, "curl -T image.jpg http://localhost:8080/predictions/NAME"
)
_FIRST_MODEL = _asked(
    "Classes of one image, by the first model: for SageMaker.",
    "Classes",
    _RAW,
    "curl --data-binary @image.jpg http://localhost:8080/invocations",
)
_CORRUPTED = _tried(
    "One image as the model sees it under a corruption, or clean; not with --no-playground.",
    PNG,
    "curl -T image.jpg 'http://localhost:8080/corrupt/NAME?corruption=fog&severity=3' -o fog.png",
)
_ROBUSTNESS = _tried(
    "Classes of one image, clean and under a corruption at one severity or every one; not with --no-playground.",
    "Robustness",
    "curl -T image.jpg 'http://localhost:8080/robustness/NAME?corruption=fog'",
)
_DESCRIBED = _operation("Describes a model and its workers.", "Descriptions", refusals=_NOT_FOUND)
_V1_STATUS = _operation("Whether a model answers.", "V1Status", refusals=_NOT_FOUND)
_V1_PREDICT = _asked(
    "Classes of several images; one that cannot be answered has an error in its place.",
    "V1Answer",
    _V1,
    'echo \'{"instances": [{"b64": "\'$(base64 -w0 image.jpg)\'"}]}\' |\n'
    "  curl -d @- http://localhost:8080/v1/models/NAME:predict",
)
_V2_MODEL = _operation("Inputs and outputs of a model.", "V2Model", refusals=_NOT_FOUND, error="V2Error")
_V2_READY = _operation("Whether a model answers.", "V2Health", refusals=_NOT_FOUND | _NOT_READY, error="V2Error")
_V2_INFER = _asked(
    "Probabilities or classes of several images, as files (BYTES) or as pixels (UINT8).",
    "V2Answer",
    _V2,
    'echo \'{"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1],\n'
    '  "data": ["\'$(base64 -w0 image.jpg)\'"]}],\n'
    '  "outputs": [{"name": "best", "parameters": {"classification": 3}}]}\' |\n'
    "  curl -d @- http://localhost:8080/v2/models/NAME/infer",
    "V2Error",
)
_READY = _operation("Whether every model answers: for balancers.", "Health", refusals=_NOT_READY)
OPERATIONS: Mapping[str, tuple[Sequence[str], Object]] = {  # address -> (methods, operation)
    "/predictions/{name}": (_ASK, _ONE_IMAGE),
    "/predictions/{name}/{version}": (_ASK, _ONE_IMAGE),
    "/invocations": (_ASK, _FIRST_MODEL),
    "/corrupt/{name}": (_ASK, _CORRUPTED),
    "/corrupt/{name}/{version}": (_ASK, _CORRUPTED),
    "/robustness/{name}": (_ASK, _ROBUSTNESS),
    "/robustness/{name}/{version}": (_ASK, _ROBUSTNESS),
    "/v1/models": (_READ, _operation(_LISTED, "V1Models")),
    "/v1/models/{name}": (_READ, _V1_STATUS),
    "/v1/models/{name}/versions/{version}": (_READ, _V1_STATUS),
    "/v1/models/{name}:predict": (_ASK, _V1_PREDICT),
    "/v1/models/{name}/versions/{version}:predict": (_ASK, _V1_PREDICT),
    "/v2": (_READ, _operation("What the server is.", "V2Server", error="V2Error")),
    "/v2/health/live": (_READ, _operation("Whether the server runs.", "V2Health", error="V2Error")),
    "/v2/health/ready": (
        _READ,
        _operation("Whether every model answers.", "V2Health", refusals=_NOT_READY, error="V2Error"),
    ),
    "/v2/models/{name}": (_READ, _V2_MODEL),
    "/v2/models/{name}/versions/{version}": (_READ, _V2_MODEL),
    "/v2/models/{name}/ready": (_READ, _V2_READY),
    "/v2/models/{name}/versions/{version}/ready": (_READ, _V2_READY),
    "/v2/models/{name}/infer": (_ASK, _V2_INFER),
    "/v2/models/{name}/versions/{version}/infer": (_ASK, _V2_INFER),
    "/models": (_READ, _operation(_LISTED, "Models")),
    "/models/{name}": (_READ, _DESCRIBED),
    "/models/{name}/{version}": (_READ, _DESCRIBED),
    "/live": (_READ, _operation("Whether the server runs.", "Health")),
    "/ready": (_READ, _READY),
    "/ping": (_READ, _READY),
    "/openapi.json": (_READ, _operation("This description.", JSON)),
    "/docs": (_READ, _operation("This description, to be read by people.", "text/html")),
}


def document() -> Object:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GroupNL Serve",
            "version": groupnl.__version__,
            "description": "Images in, classes out. The same image gets the same answer on every way.",
        },
        "servers": [{"url": "/"}],
        "paths": {path: _path(path, *operation) for path, operation in OPERATIONS.items()},
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Where the operator has keys."}
            },
        },
        "security": [{}, {"key": []}],
    }


async def openapi(_: Exchange) -> Answer:
    """The description, for programs."""
    return json_answer(document())


def _path(path: str, methods: Sequence[str], operation: Object) -> Object:
    names = _PARAMETER.findall(path)
    words = re.sub(r"\W+", "_", path).strip("_")
    given = [
        {"name": name, "in": "path", "required": True, "description": _OF_PARAMETERS[name], "schema": _TEXT}
        for name in names
    ]
    found: Object = {method: {**operation, "operationId": f"{method}_{words}"} for method in methods}
    return {"parameters": given, **found} if given else found
