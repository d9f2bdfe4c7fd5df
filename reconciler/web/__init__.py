"""FastAPI: the API, and later the pages."""
