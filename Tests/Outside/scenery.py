"""What the browser meets: cleanups of every kind that the pages treat apart, and records whose texts are markup."""

from instance import Instance

# None of them runs by itself while somebody looks: the first of January is far away, or the run has nothing to do.
CLEANUPS = """
worker: {lease: 3s}  # a run says every second how far it is
storage:
  uploads: {endpoint: 'http://127.0.0.1:1', region: auto, bucket: uploads, access-key: none, secret-key: none}
alerts:
  many-stuck: {cleanup: stuck-jobs, metric: found, above: 3, severity: critical}
cleanups:
  stuck-jobs:
    policy: stuck
    cron: "0 0 1 1 *"
    records: job:<id>
    index: jobs
    states: [RUNNING]
    since: [at]
    timeout: 5m
    timeouts: {by: tier, fast: 1m}
    to: FAILED
    refund: {amount: cost, balance: "user:<user>:tokens", ledger: "user:<user>:refunds"}
  slow-jobs: {policy: stuck, cron: "0 0 1 1 *", records: "slow:<id>", index: slow, states: [RUNNING], since: [at],
    timeout: 5m, to: FAILED, page: 20}
  paused-batches: {policy: paused, cron: "0 0 1 1 *", records: "batch:<id>", index: batches, states: [paused],
    since: [updatedAt], stale: 7d, warn: 23d, timeout: 30d, to: cancelled}
"""
# Apart from the others, because there is no storage behind it: it can be looked at, and a run would wait for nothing.
FILES = """  files: {policy: files, cron: "0 0 1 1 *", records: "file:<id>", index: files, since: [uploadedAt],
    orphan: {unless: entityId, after: 24h}, deleted: {since: deletedAt, after: 7d}, storage: uploads, object: key,
    size: size}
"""

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
SLOW = 20_000  # more than a run gets through until it is cancelled, made slow as it is

# Each would leave its mark on the page if any part of it became more than text.
SCRIPT = "</td></script><script>window.hostile = 'script'</script>"
IMAGE = "<img src=nowhere onerror=\"window.hostile = 'image'\">"
QUOTE = "\"'><b onmouseover=alert(1)>"
TURNED = "\u202egnp.exe\u202c"

# Types of records that have made a whole scrape invalid, or one line into several: to some a quote and an accent are one
# character, and so are the two bytes of a line's end; and some bytes are no text at all.
TYPES = [b'x"\xcc\x81', b"x\r\ncurfew_redis_up 0\r\n#", b"a\n\xcc\x88b", b"\\", b"\\\xcc\x81\"", b'\xff"\xc3', b"\xe2\x80\xa8} 1",
         b'"' * 100_000]


def prepare(instance: Instance) -> None:
    """Writes the records."""
    client, now = instance.redis, instance.now
    with client.pipeline(transaction=False) as batch:
        for record in ["a", "b", SCRIPT, IMAGE, QUOTE, TURNED]:
            batch.hset(f"job:{record}", mapping={
                "status": "RUNNING", "at": now - 10 * MINUTE, "cost": 9, "user": IMAGE, "tier": SCRIPT,
                "error": IMAGE + SCRIPT})
            batch.zadd("jobs", {record: now - 5 * MINUTE})
        batch.hset(f"job:bad{IMAGE}", mapping={"status": "RUNNING", "at": SCRIPT + IMAGE})
        batch.zadd("jobs", {f"bad{IMAGE}": now - 5 * MINUTE})
        for number in range(SLOW):
            batch.hset(f"slow:{number}", mapping={"status": "RUNNING", "at": now - 10 * MINUTE})
            batch.zadd("slow", {str(number): now - 5 * MINUTE})
        batch.hset(f"batch:{IMAGE}", mapping={
            "status": "paused", "updatedAt": now - 10 * DAY, "staleSince": now - 3 * DAY})
        batch.zadd("batches", {IMAGE: now + 13 * DAY})
        for record, entity in [("linked", "1"), ("orphan", "")]:
            batch.hset(f"file:{record}", mapping={
                "uploadedAt": now - 40 * DAY, "key": f"objects/{record}", "size": 3 << 20, "entityId": entity})
            batch.zadd("files", {record: now - DAY})
        # Nobody knows this one, so nobody will run it: what an instance that is gone leaves behind.
        batch.zadd("{curfew}:schedule", {"gone": now - 30 * MINUTE})
        batch.execute()
