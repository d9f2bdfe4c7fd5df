"""Secret values: where they come from, how they are kept, how they stay out of sight. Nobody else decrypts."""
