"""The style of figures, and images inside HTML pages."""
