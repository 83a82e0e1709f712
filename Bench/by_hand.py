"""Recovers stuck jobs as a careful user writes it: pages, pipelines, a compare-and-set per job. Usage: by_hand.py PORT"""

import json
import sys
import time

import redis

import workload

PAGE = 500
FIELDS = ["status", "processingStartedAt", "updatedAt", "userId", "tokensCost", "tier", "error", "finishedAt"]
TIMEOUTS_MS = {"TIER_1K": 300_000, "TIER_2K": 300_000, "TIER_4K": 300_000}


def recover(pipeline, sha: str, job_id: str, job: dict, now: int) -> None:
    """Decides about one job, and adds its commands to the pipeline."""
    if job["status"] != "PROCESSING":
        pipeline.zrem(workload.INDEX, job_id)
        return
    started = job["processingStartedAt"] or job["updatedAt"]
    age = now - int(started)
    timeout = TIMEOUTS_MS.get(job["tier"], workload.TIMEOUT_MS)
    if age < timeout:
        pipeline.zadd(workload.INDEX, {job_id: int(started) + timeout})
        return
    reason = (
        f"stuck in PROCESSING for {age // 60_000}m: processingStartedAt was {started}, "
        f"timeout {timeout // 60_000}m for {job['tier']}"
    )
    error = f"stuck in PROCESSING for {age // 60_000}m (timeout {timeout // 60_000}m)"
    before = json.dumps({"status": job["status"], "error": job["error"], "finishedAt": job["finishedAt"]})
    user = f"user:{job['userId']}"
    pipeline.evalsha(
        sha, 5, f"job:{job_id}", f"{user}:refunds", f"{user}:tokens", workload.EVENTS, workload.INDEX,
        job_id, started, now, reason, job["tokensCost"], job["tier"], before, workload.EVENTS_KEPT, error,
    )


def main() -> None:
    """Processes pages until nothing is due."""
    client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
    now = workload.now_ms(client)
    sha = client.script_load(workload.script("by_hand"))
    started = time.perf_counter()
    while due := client.zrangebyscore(workload.INDEX, "-inf", now, start=0, num=PAGE):
        pipeline = client.pipeline(transaction=False)
        for job_id in due:
            pipeline.hmget(f"job:{job_id}", FIELDS)
        jobs = pipeline.execute()
        pipeline = client.pipeline(transaction=False)
        for job_id, values in zip(due, jobs):
            recover(pipeline, sha, job_id, dict(zip(FIELDS, values)), now)
        pipeline.execute()
    print(json.dumps({"seconds": time.perf_counter() - started}))


main()
