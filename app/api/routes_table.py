"""Which paths are the endpoint's own, and which methods they take.

The chat page is mounted at the root beside the endpoint and would answer whatever no route
takes, in its own words. So unknown paths and wrong methods are told before routing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute, Route

from app.api.errors import ApiError

__all__ = ["RouteTable"]

_PREFIX = "/v1"


@dataclass(frozen=True, slots=True)
class _Taken:
    template: str
    path: re.Pattern[str]
    methods: frozenset[str]


class RouteTable:
    """Tells which of some routes would take a request."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._taken = [
            _Taken(route.path, route.path_regex, frozenset(route.methods or ()) - {"HEAD"})
            for route in routes
            if isinstance(route, Route)
        ]

    def owns(self, path: str) -> bool:
        """Tell whether a path is the endpoint's, known or not."""
        if path == _PREFIX or path.startswith(f"{_PREFIX}/"):
            return True
        return any(taken.path.match(path) for taken in self._taken)

    def template(self, path: str) -> str:
        """The route that a path is for, as it is written; one of few, whatever is asked for."""
        if not self.owns(path):
            return "(page)"
        found = (taken.template for taken in self._taken if taken.path.match(path))
        return next(found, "(unknown)")

    def without_slash(self, path: str) -> str:
        """The path as a route has it: one slash at its end is forgiven."""
        plain = path.removesuffix("/")
        served = any(taken.path.match(plain) for taken in self._taken)
        return plain if plain and served else path

    def check(self, method: str, path: str) -> None:
        """Pass what a route takes.

        Raises:
            ApiError: 404, no route has the path; 405, none takes the method.
        """
        methods = {
            each for taken in self._taken if taken.path.match(path) for each in taken.methods
        }
        if "GET" in methods:
            methods.add("HEAD")
        if method in methods:
            return
        if not methods:
            raise unknown_path(path)
        allowed = ", ".join(sorted(methods))
        raise ApiError(
            405,
            f"got {method[:20]} {path[:80]}, expected {allowed}",
            code="method_not_allowed",
            headers=((b"allow", allowed.encode()),),
        )


def unknown_path(path: str) -> ApiError:
    """Nothing is served there."""
    return ApiError(
        404,
        f"nothing is served at {path[:80]}; /openapi.json lists what is",
        code="not_found",
    )
