"""The team's own rules: what objects and changes have to be like, and when nothing is applied. Pure."""
