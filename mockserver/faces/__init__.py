"""The venues' dialects. ``base`` says what a face is; ``mockserver.venues`` lists them. Nothing here does I/O."""
