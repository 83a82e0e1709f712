"""Sends alerts to a real Alertmanager, which must know when they begin and end. Started by Tests/Outside/run."""

import json
import pathlib
import sys
import urllib.error
import urllib.request

import instance
import scenery
from instance import ADMIN, Failed, Instance, Process, eventually, free_port

CONFIGURATION = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class Alertmanager:
    """An Alertmanager that tells nobody."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.process: Process | None = None

    def start(self, stage: Instance) -> None:
        """Starts it beside an instance; returns when it answers."""
        folder = pathlib.Path(stage.folder)
        configuration = folder / "alertmanager.yml"
        configuration.write_text(CONFIGURATION)
        self.process = Process([
            "prometheus-alertmanager", f"--config.file={configuration}", f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={self.address}", "--cluster.listen-address="], folder / "alertmanager.log")
        stage.processes.append(self.process)
        eventually("alertmanager answers", lambda: self.alerts() is not None)

    def alerts(self) -> list[dict] | None:
        """The alerts that fire; None where it doesn't answer yet."""
        self.process.output()
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.URLError:
            return None

    def names(self) -> list[str]:
        """The names of the alerts that fire."""
        return sorted(alert["labels"]["alertname"] for alert in self.alerts() or [])


def run(stage: Instance) -> None:
    """Runs the cleanup of stuck jobs."""
    request = urllib.request.Request(
        f"{stage.url}/api/v1/cleanups/stuck-jobs/runs", b"{}", {"Authorization": f"Bearer {ADMIN}"})
    urllib.request.urlopen(request, timeout=60).close()


def main() -> int:
    """A run that finds too many jobs, and one that doesn't."""
    manager = Alertmanager()

    def prepare(stage: Instance) -> None:
        scenery.prepare(stage)
        manager.start(stage)

    webhooks = f"webhooks: {{am: {{url: 'http://{manager.address}', format: alertmanager, on: [alert]}}}}\n"
    try:
        with instance.running(instance.curfew_path(), webhooks + scenery.CLEANUPS + scenery.FILES, prepare) as stage:
            eventually("the worker listens to the alerts", lambda: stage.redis.exists("{curfew}:alerts"))
            run(stage)
            eventually("the alert fires", lambda: "many-stuck" in manager.names())
            alert = next(alert for alert in manager.alerts() if alert["labels"]["alertname"] == "many-stuck")
            labels = alert["labels"]
            if (labels["severity"], labels["cleanup"], labels["metric"]) != ("critical", "stuck-jobs", "found"):
                raise Failed(f"the alert has other labels: {labels}")
            print(f"✔ Alertmanager knows of {alert['annotations']['summary']}")
            run(stage)
            eventually("the alert has ended", lambda: "many-stuck" not in manager.names())
            print("✔ and of its end")
    except (Failed, OSError) as error:
        print(f"✘ {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
