"""The speed of the path of one message, counted in instructions: `nox -s gate`."""
