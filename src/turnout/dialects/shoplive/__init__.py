"""The room that speaks Shoplive: statistics of live shows, and the shows themselves, as its clients expect them."""
