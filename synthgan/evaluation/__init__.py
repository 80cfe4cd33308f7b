"""Tables in, figures out: what drawn rows are worth and what they give away. Takes rows of any sampler."""
