"""YAML files that people write: small, without a key given twice, and finite."""

from typing import Any

from tlmlp.errors import TlmlpError

#: Of the text; of values once aliases are written out; of lists and mappings in one another.
MAX_BYTES, MAX_VALUES, MAX_DEPTH = 1 << 20, 100_000, 50


def load_yaml(text: str, name: str) -> Any:
    """Plain values of a YAML text.

    :raises TlmlpError: on what is not YAML, a key given twice, and texts that are too large, too deep, or contain
        themselves; ``name`` stands for the text
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    raise TlmlpError(f"{name}: the key `{key.value}` is given twice (line {key.start_mark.line + 1})")
                seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
            return super().construct_mapping(node, deep)

    if len(text) > MAX_BYTES:
        raise TlmlpError(f"{name}: {len(text)} characters, more than the {MAX_BYTES} allowed")
    try:
        value = yaml.load(text, Loader)
    except RecursionError:
        raise TlmlpError(f"{name}: nested more than {MAX_DEPTH} deep") from None
    except (yaml.YAMLError, ValueError) as error:  # a day like 2026-99-99 is a ValueError
        raise TlmlpError(f"{name}: not valid YAML ({error})") from None
    check_extent(value, name)
    return value


def check_extent(value: Any, name: str) -> None:
    """Refuse values that are too many, too deep, or that contain themselves.

    :raises TlmlpError: otherwise
    """
    count, open_values = 0, [(value, 0)]
    while open_values:
        item, depth = open_values.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise TlmlpError(f"{name}: nested more than {MAX_DEPTH} deep, or containing itself")
        if count > MAX_VALUES:
            raise TlmlpError(f"{name}: more than {MAX_VALUES} values")
        if isinstance(item, dict):
            open_values += [(member, depth + 1) for member in item.values()]
        elif isinstance(item, (list, tuple)):
            open_values += [(member, depth + 1) for member in item]
