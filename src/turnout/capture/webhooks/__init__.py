"""What providers tell: one file a provider, one receiver for all of them."""
