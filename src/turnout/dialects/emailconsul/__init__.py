"""The room that speaks EmailConsul: counts of link clicks and pixel loads, and registered links."""
