"""The first API version: public shapes and routes."""
