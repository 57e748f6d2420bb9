"""A benchmark whose module cannot be loaded: discovery names the reason and goes on."""

message = "No module named 'a_library_that_is_not_there'\n(second line)"
raise ImportError(message)
