"""What a stream keeps while it runs for long: memory over a million events, and a session on the clock of the wall."""
