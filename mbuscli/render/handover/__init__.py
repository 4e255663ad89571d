"""The handover document: one HTML page that needs nothing else, on a screen and on paper."""
