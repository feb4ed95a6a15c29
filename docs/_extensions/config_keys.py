"""The page of the config, from its model."""

import dataclasses

from tlmlp.models import DimeNetPPConfig
from tlmlp.train.config import config_schema

#: Sizes of the network, whose defaults stand beside the network.
_SIZES = {
    field.name: field.default
    for field in dataclasses.fields(DimeNetPPConfig)
    if field.default is not dataclasses.MISSING
}


def config_keys() -> str:
    """A section of Markdown for every section of the config, with type, default and meaning of its keys."""
    schema = config_schema()
    parts = []
    for name, entry in schema["properties"].items():
        parts += [f"## `{name}`", "", entry["description"], "", *_table(_section(schema, entry), schema, f"{name}.")]
    for title, name in (
        ("Sets of frames", "ExtraSet"),
        ("Radii of the repulsion", "ZblSection"),
        ("Ranges of a search", "Range"),
    ):
        parts += [f"## {title}", "", *_table(schema["$defs"][name], schema, "")]
    return "\n".join(parts)


def _section(schema: dict, entry: dict) -> dict:
    section = schema["$defs"][entry["$ref"].rsplit("/", 1)[1]]
    return next((part for part in section.get("anyOf", []) if "properties" in part), section)


def _table(section: dict, schema: dict, prefix: str) -> list[str]:
    rows = ['<div class="keys">', "", "| key | type | default | meaning |", "|---|---|---|---|"]
    for key, entry in section["properties"].items():
        kind, meaning = _cell(_kind(entry)), _cell(" ".join(entry["description"].split()))
        rows.append(f"| `{prefix}{key}` | {kind} | {_cell(_default(key, entry, section))} | {meaning} |")
    return [*rows, "", "</div>", ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(key: str, entry: dict, section: dict) -> str:
    if key in section.get("required", []):
        return "required"
    value = entry.get("default", None)
    if value is None:
        value = _SIZES.get(key)
    if value is None or value == {} or value == []:
        return ""
    if isinstance(value, dict):
        return "; ".join(f"`{name}`: {_values(values)}" for name, values in value.items())
    return f"`{_plain(value)}`"


def _values(values) -> str:
    if isinstance(values, dict):
        given = {name: value for name, value in values.items() if value not in (None, False)}
        return ", ".join(f"{name} {_plain(value)}" for name, value in given.items())
    return ", ".join(_plain(value) for value in values)


def _plain(value) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


#: Names of the types of JSON, and of the sections that a key may hold.
_NAMES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "section",
}
_SECTIONS = {"ExtraSet": "set of frames", "ZblSection": "radii", "Range": "range"}


def _kind(entry: dict) -> str:
    if "anyOf" in entry:
        return " or ".join(dict.fromkeys(_kind(part) for part in entry["anyOf"] if part.get("type") != "null"))
    if "$ref" in entry:
        return _SECTIONS[entry["$ref"].rsplit("/", 1)[1]]
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    kind = _NAMES[entry["type"]]
    inner = entry.get("items", {})
    if inner.get("type") == "array":
        kind = "points"
    elif "$ref" in inner or "enum" in inner:
        kind = f"list of {_kind(inner)}"
    bounds = [
        f"{sign} {_plain(entry[name])}"
        for name, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("exclusiveMaximum", "<"), ("maximum", "≤"))
        if name in entry
    ]
    return f"{kind} {', '.join(bounds)}".strip()
