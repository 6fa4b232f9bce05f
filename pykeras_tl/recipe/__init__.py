"""What `train_classifier` does when it is told nothing: look, measure, plan."""
