"""One strict pydantic model a kind; unknown fields are errors."""
