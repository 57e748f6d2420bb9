"""Tables of the report. One file per section, which declares its tables as ``TABLES``."""
