"""What a beamtime will see, before it happens."""
