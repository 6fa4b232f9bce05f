"""What a classifier gives to others: exported models and a model card."""
