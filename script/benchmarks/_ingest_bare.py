"""The addresses of Earshot, and beside them the barest view that writes the same rows by the same SQL."""

from __future__ import annotations

import json

import _ingest_rows
from django.http import HttpRequest, JsonResponse
from django.urls import include, path


def bare(request: HttpRequest) -> JsonResponse:
    """Decode, insert, answer: no key, no checks, no lookup of names, no linking, no news."""
    ids = _ingest_rows.insert_plainly(json.loads(request.body))
    results = [{"index": index, "status": "created", "id": pk} for index, pk in enumerate(ids)]
    return JsonResponse({"results": results, "created": len(ids), "duplicates": 0, "errors": 0}, status=201)


urlpatterns = [path("bare/", bare), path("", include("config.urls"))]
