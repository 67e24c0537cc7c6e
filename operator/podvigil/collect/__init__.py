"""What the metrics source and the API server say just now, as columns and small records; no judgement."""
