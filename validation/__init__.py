"""How true the result is: checks, scenarios, report and gate."""
