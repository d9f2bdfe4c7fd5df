"""The unified model as data: one YAML file an entity, and its reader."""
