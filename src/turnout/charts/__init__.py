"""Charts: Vega-Lite specifications, how they look, and the processes that draw them."""
