"""What ``reconciler init`` writes: the files of a first folder, as they are."""
