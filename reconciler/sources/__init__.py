"""What wakes us: folder, clock. Each only says: look."""
