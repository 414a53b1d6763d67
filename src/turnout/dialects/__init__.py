"""The rooms: each speaks one API. Our own is just another room."""
