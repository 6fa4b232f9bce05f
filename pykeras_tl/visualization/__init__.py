"""The style of figures, learning curves, and the layout of HTML pages."""
