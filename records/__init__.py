"""What passes from room to room: checked datasets, files, errors, units and seeds."""
