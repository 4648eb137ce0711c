"""Many runs: scenarios, sweeps, plans."""
