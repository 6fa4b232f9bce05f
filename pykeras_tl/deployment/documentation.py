"""The page that describes a service, made from its OpenAPI schema; it needs no other server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2


def documentation_page(schema: dict[str, Any]) -> str:
    """Describe a service for people.

    Args:
        schema: Its OpenAPI schema.

    Returns:
        The page, HTML.

    Example:
        >>> schema = {"info": {"title": "<Cells>", "version": "1"}, "paths": {}}
        >>> "<h1>&lt;Cells&gt;</h1>" in documentation_page(schema)
        True
    """
    folder = Path(__file__).with_name("page")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, trim_blocks=True
    )
    schemas = schema.get("components", {}).get("schemas", {})

    def fields(content: dict[str, Any]) -> list[tuple[str, str, str]]:
        """List what an object holds: name, type and description."""
        found = []
        for kind in content.values():
            named = schemas.get(kind.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
            for name, value in named.get("properties", {}).items():
                found.append((name, _type(value), value.get("description", "")))
        return found

    return environment.get_template("documentation.html.j2").render(schema=schema, fields=fields)


def _type(value: dict[str, Any]) -> str:
    if "anyOf" in value:
        return " or ".join(_type(each) for each in value["anyOf"])
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}" if "items" in value else "list"
    return str(value.get("format") or value.get("type", "any"))
