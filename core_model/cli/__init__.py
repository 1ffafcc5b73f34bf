"""The `triscope` command: one thin file a command; nothing here is imported by other packages."""
