"""Decodes OTLP trace requests with the protobufs that OpenTelemetry publishes (PyPI: opentelemetry-proto).

One request a line, in base64; one answer a line, in JSON: {"spans": [...]} or {"error": "..."}. A field that the published
definitions don't know is an error, for whoever sends it speaks something else.
"""

import base64
import json
import sys

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


def check_known(message):
    if len(UnknownFieldSet(message)) > 0:
        raise ValueError(f"{type(message).__name__} has fields that are not in the published definitions")
    for _, value in message.ListFields():
        parts = value if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)) else [value]
        for part in parts:
            if hasattr(part, "ListFields"):
                check_known(part)


def plain(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(part) for part in value.array_value.values]
    return None if kind is None else getattr(value, kind)


def attributes(pairs):
    found = {}
    for pair in pairs:
        if pair.key in found:
            raise ValueError(f"the attribute {pair.key} stands twice")
        found[pair.key] = plain(pair.value)
    return found


def span_of(span, scope, resource):
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind),
        # Nanoseconds are more than a double holds.
        "start": str(span.start_time_unix_nano),
        "end": str(span.end_time_unix_nano),
        "attributes": attributes(span.attributes),
        "status": Status.StatusCode.Name(span.status.code),
        "message": span.status.message,
        "scope": {"name": scope.name, "version": scope.version},
        "resource": attributes(resource.attributes),
    }


def decode(data):
    request = ExportTraceServiceRequest()
    request.ParseFromString(data)
    check_known(request)
    return [
        span_of(span, per_scope.scope, per_resource.resource)
        for per_resource in request.resource_spans
        for per_scope in per_resource.scope_spans
        for span in per_scope.spans
    ]


for line in sys.stdin:
    try:
        answer = {"spans": decode(base64.b64decode(line, validate=False))}
    except Exception as error:  # whatever is wrong with a message is an answer, too
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
