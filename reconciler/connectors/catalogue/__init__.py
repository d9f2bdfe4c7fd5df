"""The built-in manifests: one YAML file a system."""
