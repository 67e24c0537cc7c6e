"""A real Prometheus that scrapes the simulated nodes, on a data folder that may hold history already."""

import json
import urllib.parse
import urllib.request
from typing import Any, Final

import yaml

from localcluster.binaries import ensure
from localcluster.controlplane import ControlPlane
from localcluster.process import Process, free_port, http_ok

QUERY_TIMEOUT_SECONDS: Final = 60
JOB: Final = "cadvisor"
EXPORTERS_JOB: Final = "exporters"


class Prometheus:
    """A Prometheus for one control plane, which ends it with itself."""

    def __init__(self, control_plane: ControlPlane, *, scrape_interval_seconds: int = 5) -> None:
        """Start nothing yet; history may be put into `data_folder` before `start`."""
        self._control_plane = control_plane
        self._interval: Final = scrape_interval_seconds
        self._port: Final = free_port()
        self._process: Process | None = None
        self.data_folder: Final = control_plane.folder / "prometheus"
        self._exporters: Final = control_plane.folder / "exporters.json"

    @property
    def url(self) -> str:
        """Address of its HTTP API."""
        return f"http://127.0.0.1:{self._port}"

    def start(self, discovery_url: str) -> None:
        """Start scraping what `discovery_url` names; returns when queries are answered."""
        config = self._control_plane.folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(self._config(discovery_url), sort_keys=False))
        process = self._control_plane.process(
            "prometheus",
            [
                ensure(["prometheus"])["prometheus"],
                f"--config.file={config}",
                f"--storage.tsdb.path={self.data_folder}",
                "--storage.tsdb.retention.time=15d",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=warn",
            ],
        )
        self._process = self._control_plane.run_beside(process)
        process.start(http_ok(f"{self.url}/-/ready"))

    def scrape_also(self, *addresses: str) -> None:
        """Scrape these exporters, `host:port` each, and no others beside the nodes; noticed within an interval."""
        partial = self._exporters.with_suffix(".new")
        partial.write_text(json.dumps([{"targets": list(addresses)}]))
        partial.replace(self._exporters)

    def stop(self) -> None:
        """End it alone, as an outage of the metrics does."""
        if self._process is not None:
            self._process.stop()

    def restart(self) -> None:
        """Start it again on the same address and data."""
        if self._process is not None:
            self._process.start(http_ok(f"{self.url}/-/ready"))

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Answer of an instant query: a list of `{"metric": labels, "value": [time, text]}`."""
        url = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
        with urllib.request.urlopen(url, timeout=QUERY_TIMEOUT_SECONDS) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def _config(self, discovery_url: str) -> dict[str, Any]:
        return {
            "global": {
                "scrape_interval": f"{self._interval}s",
                "scrape_timeout": f"{self._interval}s",
            },
            "scrape_configs": [
                {
                    "job_name": JOB,
                    # Nodes are found again as they come and go.
                    "http_sd_configs": [{"url": discovery_url, "refresh_interval": f"{self._interval}s"}],
                    "relabel_configs": [
                        # All nodes are served by one program on one port: the path tells them apart.
                        {
                            "source_labels": ["__metrics_path__"],
                            "regex": "/metrics/nodes/([^/]+)/.*",
                            "target_label": "instance",
                        },
                        {"regex": "metrics_name", "action": "labeldrop"},
                    ],
                },
                {
                    "job_name": EXPORTERS_JOB,
                    # What they say of namespaces and pods stays as it is, as the charts set it for these exporters.
                    "honor_labels": True,
                    "file_sd_configs": [
                        {"files": [str(self._exporters)], "refresh_interval": f"{self._interval}s"}
                    ],
                },
            ],
        }
