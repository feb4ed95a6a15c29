"""The config of a training: its sections, their checks and its YAML file."""

from tlmlp.train.config.config import FILE_KEYS, Config, as_config, config_schema, override, read_yaml, setting

__all__ = ["FILE_KEYS", "Config", "as_config", "config_schema", "override", "read_yaml", "setting"]
