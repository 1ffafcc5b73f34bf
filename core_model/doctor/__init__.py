"""What this machine has and lacks: `triscope doctor`. Whatever may crash is asked in a process of its own."""
