"""What people do with requests: list, show, approve, deny, cancel, roll back; also as `kubectl podvigil …`."""
