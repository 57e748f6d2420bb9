"""Reading, fetching and caching of data files."""
