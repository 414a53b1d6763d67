"""What happens to an event between its arrival and the store: steps, columns, writer."""
