"""Agreement: the terms of a contract, signed before its first day, and the settlement on exactly these terms."""
