"""The `triscope` command: one thin file per command; nothing here is imported by other packages."""
