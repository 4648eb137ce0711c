"""One measured pattern to S(Q), F(Q) and G(r)."""
