"""Long work as processes of its own: start, queue, find again, stop. No window and no torch here."""
