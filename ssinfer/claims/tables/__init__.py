"""Tables of claims: files, schema and checks."""
