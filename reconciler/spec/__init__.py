"""The reader: text in, resources and problems out. The only room that knows YAML specs."""
