"""Training on several devices, and in mixed precision."""
