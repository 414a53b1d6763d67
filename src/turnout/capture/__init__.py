"""What reaches us: bodies, their formats, files."""
