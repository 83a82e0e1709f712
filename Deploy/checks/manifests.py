"""Checks what is given to Kubernetes: the kustomizations, and the chart with good and bad values.

Usage: manifests.py [PROGRAM]: with the built program, the configurations in them are read by it too.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import helm_python as helm
import kubernetes_validate
import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
VERSIONS = ["1.29", "1.33", "1.37"]
# Kinds that Kubernetes itself doesn't know: what belongs in each is compared by hand.
OPERATOR = {"ServiceMonitor": {"jobLabel", "selector", "endpoints"}, "PrometheusRule": {"groups"}}
SECRETS = {"admin-token": "b91c0d7be1a64c02", "viewer-token": "0f6a3cd9e2b84711", "cron-secret": "9be2740cd3a61f58"}
CLEANUPS = {"jobs": {
    "policy": "stuck", "every": "5m", "records": "job:<id>", "states": ["RUNNING"], "since": ["at"], "timeout": "15m",
    "to": "FAILED"}}


class Failed(Exception):
    """Something is not as it ought to be."""


def validate(manifest: dict, place: str) -> None:
    """That Kubernetes takes a manifest, in each of the versions."""
    kind = manifest["kind"]
    if kind in OPERATOR:
        if unknown := set(manifest["spec"]) ^ OPERATOR[kind]:
            raise Failed(f"{place}: spec of {kind}: expected {sorted(OPERATOR[kind])}, found a difference in {unknown}")
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(map(str, error.path))
            raise Failed(f"{place}: {kind} for Kubernetes {version}: {path}: {error}") from None


def check_pod(pod: dict, place: str) -> None:
    """That a pod has no more rights than it needs, and everything it mounts."""
    container = pod["containers"][0]
    wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    if container["securityContext"] != wanted or pod["securityContext"].get("runAsNonRoot") is not True:
        raise Failed(f"{place}: the pod isn't confined: {container['securityContext']}")
    volumes, mounts = ({entry["name"] for entry in entries} for entries in (pod["volumes"], container["volumeMounts"]))
    if volumes != mounts:
        raise Failed(f"{place}: volumes {sorted(volumes)}, mounted {sorted(mounts)}")
    if "memory" not in container["resources"].get("limits", {}):
        raise Failed(f"{place}: the container has no limit of memory")


def check_set(manifests: list[dict], place: str) -> None:
    """Each manifest by itself, and that they fit together."""
    labels = []
    for manifest in manifests:
        validate(manifest, place)
        kind, spec = manifest["kind"], manifest.get("spec", {})
        if kind == "Deployment":
            labels.append(spec["template"]["metadata"]["labels"])
            check_pod(spec["template"]["spec"], f"{place}: {kind}")
            if "livenessProbe" not in spec["template"]["spec"]["containers"][0]:
                raise Failed(f"{place}: a worker without a probe")
        if kind == "CronJob" and len(manifest["metadata"]["name"]) > 52:
            raise Failed(f"{place}: Kubernetes takes no name of a CronJob as long as {manifest['metadata']['name']}")
        if kind == "CronJob":
            check_pod(spec["jobTemplate"]["spec"]["template"]["spec"], f"{place}: {kind}")
    for manifest in manifests:
        kind, spec = manifest["kind"], manifest.get("spec", {})
        chosen = {"Deployment": spec.get("selector"), "PodDisruptionBudget": spec.get("selector"),
                  "Service": {"matchLabels": spec.get("selector")}, "NetworkPolicy": spec.get("podSelector")}.get(kind)
        if chosen is not None and labels and not all(
                found.get(name) == value for found in labels for name, value in chosen["matchLabels"].items()):
            raise Failed(f"{place}: {kind} chooses {chosen['matchLabels']}, the pods have {labels}")
    check_fit(manifests, place)


def check_fit(manifests: list[dict], place: str) -> None:
    """That probes and policy of the network fit the configuration: ports, and whether there is TLS."""
    found = {one["kind"]: one for one in manifests}
    if "ConfigMap" not in found:
        return
    config = yaml.safe_load(found["ConfigMap"]["data"]["curfew.yaml"])
    http = config.get("http")
    if http and "Deployment" in found:
        container = found["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        scheme = "HTTPS" if http.get("tls") else "HTTP"
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"]:
            if container[probe]["httpGet"].get("scheme", "HTTP") != scheme:
                raise Failed(f"{place}: {probe} doesn't speak {scheme}")
        if [one["containerPort"] for one in container["ports"]] != [int(http["listen"].rsplit(":", 1)[1])]:
            raise Failed(f"{place}: the pod has {container['ports']}, the worker listens on {http['listen']}")
    wanted = {int(port) for port in re.findall(r":(\d+)(?=[,/?]|$)", config["redis"])} or {6379}
    wanted |= {26379} if "+sentinel:" in config["redis"] else set()
    wanted |= {int(config["otel"]["endpoint"].rsplit(":", 1)[1])} if config.get("otel") else set()
    if policy := found.get("NetworkPolicy"):
        ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
        if not wanted | {53} <= ports:
            raise Failed(f"{place}: the policy allows {sorted(ports)}: expected {sorted(wanted)} too")


def name_of(manifest: dict) -> tuple[str, str]:
    """Its kind and name."""
    return manifest["kind"], manifest["metadata"]["name"]


def kustomization(folder: pathlib.Path) -> list[dict]:
    """What a kustomization names, with what its patches delete left out; fails where a name leads nowhere."""
    description = yaml.safe_load((folder / "kustomization.yaml").read_text())
    known = {"apiVersion", "kind", "resources", "configMapGenerator", "images", "patches"}
    if unknown := set(description) - known:
        raise Failed(f"{folder.name}/kustomization.yaml: {sorted(unknown)}: expected some of {sorted(known)}")
    found: list[dict] = []
    for resource in description.get("resources", []):
        path = folder / resource
        if not path.exists():
            raise Failed(f"{folder.name}/kustomization.yaml: there is no {resource}")
        found += kustomization(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for entry in description.get("configMapGenerator", []):
        data = {name: (folder / name).read_text() for name in entry["files"]}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": entry["name"]}, "data": data})
    for patch in description.get("patches", []):
        gone = yaml.safe_load(patch["patch"])
        kept = [one for one in found if name_of(one) != name_of(gone)]
        if gone.get("$patch") != "delete" or len(kept) != len(found) - 1:
            raise Failed(f"{folder.name}/kustomization.yaml: a patch deletes nothing: {patch['patch']}")
        found = kept
    return found


def check_kustomizations() -> list[dict]:
    """The base, the one-shot runs and the monitoring; returns the manifests of the base."""
    base, cron, monitoring = (kustomization(DEPLOY / "kubernetes" / name) for name in ["base", "cron", "monitoring"])
    for name, manifests in [("base", base), ("cron", cron), ("monitoring", monitoring)]:
        check_set(manifests, f"kubernetes/{name}")
    secret = yaml.safe_load((DEPLOY / "kubernetes/secret.example.yaml").read_text())
    validate(secret, "kubernetes/secret.example.yaml")
    if any(secret["stringData"].values()):
        raise Failed("kubernetes/secret.example.yaml has a value: it would be somebody's password")
    print(f"✔ kustomize: {len(base)} manifests with workers, {len(cron)} with one-shot runs; Kubernetes {VERSIONS}")
    return base


def render(chart: helm.Chart, values: dict, release: str | None = None) -> list[dict]:
    """The manifests that the chart makes of these values, for a release of that name."""
    rendered = chart.render(values, name=release)
    texts = rendered.values() if isinstance(rendered, dict) else [rendered]
    return [found for text in texts if "kind:" in str(text) for found in yaml.safe_load_all(str(text)) if found]


GOOD = {
    "the smallest": {},
    "everything": {
        "cronJobs": [{"name": "nightly", "route": "cleanup", "schedule": "30 3 * * *", "timeZone": "Europe/Berlin"}],
        "metrics": {"serviceMonitor": {"enabled": True}, "rules": {"enabled": True, "labels": {"release": "p"}}},
        "env": [{"name": "TZ", "value": "UTC"}], "podLabels": {"team": "jobs"}, "podAnnotations": {"a": "b"},
        "imagePullSecrets": [{"name": "registry"}], "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}], "priorityClassName": "high", "image": {"tag": "1.2.3"}},
    "runs without workers": {
        "worker": {"enabled": False, "replicas": 0},
        "cronJobs": [{"name": "all", "route": "cleanup", "schedule": "@hourly"}]},
    "no HTTP": {"config": {"http": None}, "secret": {"values": None}},
    "TLS, Sentinels and a collector": {
        "config": {
            "redis": "rediss+sentinel://a,b:26380/main", "otel": {"endpoint": "http://otel:4318"},
            "http": {"listen": "[::]:9443", "tls": {
                "certificate": "/run/secrets/curfew/tls.crt", "key": "/run/secrets/curfew/tls.key"}}},
        "secret": {"existing": "mine", "values": None},
        "metrics": {"serviceMonitor": {"enabled": True, "labels": {"a": "b"}, "tlsConfig": {"serverName": "curfew"}}}},
    "a cluster of Redis with TLS": {"config": {"redis": "rediss+cluster://a:7000,b:7001"}},
    "a secret that is there": {"secret": {"existing": "mine", "values": None}},
}
BAD = {
    "worker.replicas: -1": {"worker": {"replicas": -1}},
    "worker.replicas: two": {"worker": {"replicas": "two"}},
    "a key that doesn't exist": {"workers": 3},
    "image.tag: 1.2": {"image": {"tag": 1.2}},
    "an address that isn't Redis": {"config": {"redis": "http://redis"}},
    "an empty token": {"secret": {"values": {"admin-token": ""}}},
    "no time": {"cronJobs": [{"name": "a", "route": "cleanup", "schedule": "hourly"}]},
    "a port of 70000": {"service": {"port": 70000}},
    "two secrets": {"secret": {"existing": "mine"}},
    "nothing to clean up": {"config": {"cleanups": None}},
    "tokens that are nowhere": {"secret": {"values": None}},
    "one of them is missing": {"config": {"http": {"cron-secret": "${file:/run/secrets/curfew/other}"}}},
    "loopback, which no probe reaches": {"config": {"http": {"listen": "127.0.0.1:8470"}}},
    "HTTP without an address": {"config": {"http": {"listen": None}}},
    "labels that the chart sets": {"podLabels": {"app.kubernetes.io/name": "x"}},
    "a budget of nothing": {"podDisruptionBudget": {"maxUnavailable": "0%"}},
    "two of a name": {"cronJobs": 2 * [{"name": "a", "route": "cleanup", "schedule": "@daily"}]},
    "a time that doesn't exist": {"cronJobs": [{"name": "a", "route": "cleanup", "schedule": "@never"}]},
    "a long name": {"cronJobs": [{"name": "every-night-at-three", "route": "cleanup", "schedule": "30 3 * * *"}]},
    "a tag of two lines": {"image": {"tag": "a\nb"}},
}


# The name of a release can have 53 characters.
LONG = "curfew-for-the-shop-in-production-and-for-its-archive"


def merged(base: dict, more: dict) -> dict:
    """The values with others laid over them; null removes."""
    result = dict(base)
    for name, value in more.items():
        is_deeper = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if is_deeper else value
    return result


def check_chart() -> list[dict]:
    """The chart with values that are good and bad; returns the manifests of the smallest."""
    base = {"config": {"cleanups": CLEANUPS}, "secret": {"values": SECRETS}}
    result: list[dict] = []
    if problems := helm.lint(str(DEPLOY / "helm"))["errors"]:
        raise Failed(f"helm lint: {problems}")
    with helm.Chart.load(str(DEPLOY / "helm")) as chart:
        for name, values in GOOD.items():
            manifests = render(chart, merged(base, values))
            if not manifests:
                raise Failed(f"helm, {name}: nothing was rendered")
            check_set(manifests, f"helm, {name}")
            result = result or manifests
        for name, values in BAD.items():
            try:
                render(chart, merged(base, values), LONG if name == "a long name" else None)
            except helm.HelmError as error:
                print(f"  {name}: {str(error).strip().splitlines()[-1].strip()[:110]}")
            else:
                raise Failed(f"helm takes {name}")
    print(f"✔ helm: {len(GOOD)} sets of values rendered and valid, {len(BAD)} refused")
    return result


def check_configuration(program: str, manifests: list[dict], place: str) -> None:
    """That the program takes the configuration of the manifests."""
    text = next(one["data"]["curfew.yaml"] for one in manifests if one["kind"] == "ConfigMap")
    with tempfile.TemporaryDirectory(prefix="curfew-kit-") as folder:
        for name, value in {**SECRETS, "redis-password": "secret"}.items():
            pathlib.Path(folder, name).write_text(value)
        path = pathlib.Path(folder, "curfew.yaml")
        path.write_text(text.replace("/run/secrets/curfew", folder))
        result = subprocess.run(
            [program, "config", "check", "--config", str(path)], capture_output=True, text=True, check=False,
            timeout=60, env={**os.environ, "NO_COLOR": "1"})
    if result.returncode != 0:
        raise Failed(f"{place}: curfew.yaml: {result.stderr}")
    print(f"✔ {place}: the program takes its configuration")


def main() -> int:
    """All of it; 1 where something is wrong."""
    helm.disable_logging()
    try:
        base, chart = check_kustomizations(), check_chart()
        if len(sys.argv) > 1:
            check_configuration(sys.argv[1], base, "kubernetes/base")
            check_configuration(sys.argv[1], chart, "helm")
    except (Failed, helm.HelmError) as error:
        print(f"✘ {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
