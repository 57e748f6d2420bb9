"""What claims need of the query engine: calendar, exact sums, temporary tables."""
