"""JSON Schemas that clients send: which of them an answer can be held to, at a bounded cost.

A schema is a stranger's: nothing that it names is fetched, its regular expressions are not run,
and every validation stops after a number of steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from app.record.errors import RequestError
from app.record.types import JsonForm

__all__ = ["check_schema", "fault_in", "names_and_choices", "schema_text"]

_MAX_DEPTH = 32
_MAX_NODES = 1_000
_MAX_STEPS = 20_000  # of a validation: references within references multiply


def schema_text(form: JsonForm) -> str:
    """The schema as the model reads it."""
    return json.dumps(form.schema or {"type": "object"}, ensure_ascii=False)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Pass a schema that answers can be held to; nothing that it names is ever fetched.

    Raises:
        RequestError: it is no JSON Schema, too large, or refers to another document.
    """
    from jsonschema import SchemaError
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

    references = _references(schema)
    validator = _validator(schema)
    try:
        validator.check_schema(schema)
        whole = EMPTY_REGISTRY.with_resource("", DRAFT202012.create_resource(schema))
        for reference in references:
            whole.resolver().lookup(reference)
        validator.is_valid(None)
    except SchemaError as error:
        raise RequestError(f"no JSON Schema: {error.message[:200]}", field="form") from error
    except Unresolvable as error:
        raise RequestError(f"the schema holds no {error.ref[:80]!r}", field="form") from error
    except RecursionError as error:
        raise RequestError("the schema refers to itself without end", field="form") from error


def _references(schema: object) -> list[str]:
    """The places that a schema refers to; one that is too large or leads elsewhere is refused."""
    level, count, found = [schema], 0, list[str]()
    for _ in range(_MAX_DEPTH):
        for node in level:
            if isinstance(node, dict):
                found += _local_references(node)
        level = [child for node in level for child in _children(node)]
        count += len(level)
        if not level or count > _MAX_NODES:
            break
    if level:
        raise RequestError(
            f"the schema is too large: expected at most {_MAX_DEPTH} levels and {_MAX_NODES} parts",
            field="form",
        )
    return found


def _children(node: object) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return list(node) if isinstance(node, list) else []


def _local_references(node: dict[str, Any]) -> list[str]:
    for name in ("patternProperties", "$id"):
        if name in node:
            raise RequestError(f"{name} in a schema can't be honoured", field="form")
    references = []
    for name in ("$ref", "$dynamicRef"):
        if isinstance(node.get(name), str) and not node[name].startswith("#"):
            raise RequestError(
                f"the schema refers to {node[name][:80]!r}: expected a place in itself, such as "
                "#/$defs/name; nothing is ever fetched",
                field="form",
            )
        if isinstance(node.get(name), str):
            references.append(node[name])
    return references


def _validator(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - jsonschema has no type for it
    """A validator for one use, whose steps are counted.

    It fetches nothing and runs none of the client's regular expressions.

    Raises:
        RequestError: while it is used; the schema costs too much to hold an answer to.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    steps = 0

    def counted(check: Callable[..., Iterable[Any] | None]) -> Callable[..., Iterator[Any]]:
        def step(*arguments: Any) -> Iterator[Any]:  # noqa: ANN401 - as jsonschema calls it
            nonlocal steps
            steps += 1
            if steps > _MAX_STEPS:
                raise RequestError("the schema refers to itself too often", field="form")
            yield from check(*arguments) or ()

        return step

    checks: dict[str, Any] = {
        name: counted(check) for name, check in Draft202012Validator.VALIDATORS.items()
    }
    checks |= dict.fromkeys(("pattern", "format"), lambda *_: None)
    validator = extend(Draft202012Validator, checks)  # type: ignore[no-untyped-call]
    return validator(schema, registry=Registry())


def fault_in(schema: Mapping[str, Any], value: object) -> str | None:
    """What is wrong with a value by its schema; None where nothing is."""
    try:
        fault = next(_validator(schema).iter_errors(value), None)
    except RecursionError as error:
        raise RequestError("the schema refers to itself without end", field="form") from error
    return None if fault is None else str(fault.message)[:200]


def names_and_choices(schema: object) -> Iterator[str]:
    """What a schema itself lists: names of properties, and values to choose from."""
    if isinstance(schema, dict):
        listed = [*schema.get("properties", ()), *schema.get("enum", ()), schema.get("const")]
        yield from (each for each in listed if isinstance(each, str))
        for inner in schema.values():
            yield from names_and_choices(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from names_and_choices(inner)
