"""From I(Q) to S(Q), F(Q) and G(r), with its variance: transform, form factors, conventions, ripples, peaks."""
