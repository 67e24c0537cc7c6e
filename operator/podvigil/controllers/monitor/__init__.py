"""The analyst: ticks every AnomalyMonitor, keeps its reports, proposes requests."""
