"""The client half, to take home: from what a watch function returned to events that resume."""
