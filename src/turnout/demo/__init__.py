"""Made-up events: a sample of believable campaigns to look at, and a stream of any length to measure with."""
