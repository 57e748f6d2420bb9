"""Tables and figures of the report. One file per section, which declares them as ``TABLES`` and ``FRAME``."""
