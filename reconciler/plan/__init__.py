"""The planner: desired and actual in, plan out. Pure."""
