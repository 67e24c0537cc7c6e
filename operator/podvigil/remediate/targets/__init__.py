"""What actions change, each kind as it stood at one moment; pure readers of what the API server returned."""
