"""Guard: calls methods of other packages, which see no spending that they predict and change no fact of the study."""
