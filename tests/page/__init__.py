"""The mock's page in a headless Chromium: ``nox -s page``. Skipped, with the reason, where there is no Chromium."""
