"""What is in the beam: atomic structures, materials, the cell and its states along the discharge."""
