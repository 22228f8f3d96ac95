"""The description itself, for programs: /api/v1/schema/."""

from __future__ import annotations

from typing import Any, Final

from django.urls import path
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from rest_framework.request import Request
from rest_framework.response import Response

from ntrust.api.endpoints import Endpoint
from ntrust.api.schema import describe
from ntrust.api.telling import Query, tells

_FORMAT: Final = Query(
    "format", "`json` or `yaml`; the Accept header says it too.", {"enum": ["json", "yaml"]}, "json"
)


class SchemaEndpoint(Endpoint):
    """This description, as OpenAPI 3.1."""

    renderer_classes = (OpenApiJsonRenderer2, OpenApiYamlRenderer2)

    @tells({"type": "object", "example": {"openapi": "3.1.0"}}, asks=(_FORMAT,))
    def get(self, request: Request, **kwargs: Any) -> Response:
        """For anybody who is logged in: it says nothing of any study."""
        return Response(describe())


DOCUMENTS: Final = [path("schema/", SchemaEndpoint.as_view(), name="schema")]
