"""What a check may look at: recovered data, truth, and the region seen through both."""
