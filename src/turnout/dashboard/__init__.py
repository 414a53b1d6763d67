"""The dashboard: pages for people. It asks the same questions as any room, and shows the panels."""
