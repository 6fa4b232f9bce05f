"""Results of trials: tables, comparisons and the report."""
