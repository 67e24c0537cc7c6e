"""Stories of remediation as files (tests/scenarios/*.yaml): read, played on a real control plane, listed in docs."""
