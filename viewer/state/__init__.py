"""What the window knows: document, undo, orbit moves, render tiers, the shown frame, preferences."""
