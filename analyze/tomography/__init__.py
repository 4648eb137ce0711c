"""From rays to images: geometry, rotation axis, projector, methods of reconstruction and their variance."""
