"""All keys of a Redis as they are, to be compared with what they were."""

import time

import redis

Key = tuple[bytes, object, int]


def read(client: redis.Redis) -> dict[bytes, Key]:
    """Every key but Curfew's own: its type, its value, and when it expires (-1 for never), in milliseconds.

    Not by DUMP, which also tells in which order a hash got its fields.
    """
    found = {}
    for key in client.scan_iter(count=1_000):
        if key.startswith((b"{curfew}:", b"curfew:trash:")):
            continue
        kind = client.type(key)
        value: object
        if kind == b"string":
            value = client.get(key)
        elif kind == b"hash":
            value = client.hgetall(key)
        elif kind == b"list":
            value = client.lrange(key, 0, -1)
        elif kind == b"set":
            value = client.smembers(key)
        elif kind == b"zset":
            value = dict(client.zrange(key, 0, -1, withscores=True))
        elif kind == b"stream":
            value = client.xrange(key)
        else:
            continue
        found[key] = (kind, value, client.execute_command("PEXPIRETIME", key))
    return found


def differences(before: dict[bytes, Key], after: dict[bytes, Key]) -> list[str]:
    """What is not as it was, a line for each key."""
    lines = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old and not new and 0 < old[2] <= time.time() * 1_000:
            continue  # it has expired since
        if old is None:
            lines.append(f"{key!r} is new: {new}")
        elif new is None:
            lines.append(f"{key!r} is gone: it was {old}")
        elif old[:2] != new[:2]:
            lines.append(f"{key!r} was {old[:2]}, is {new[:2]}")
        # The last millisecond may be lost on the way from “how long yet” to “when” and back.
        elif abs(old[2] - new[2]) > 100 or (old[2] < 0) != (new[2] < 0):
            lines.append(f"{key!r} expired at {old[2]}, expires at {new[2]}")
    return lines


def naming(keys: dict[bytes, Key], *names: str) -> dict[bytes, Key]:
    """The keys in whose name or value one of these names stands. What a stream tells of what happened doesn't count."""
    wanted = [name.encode() for name in names]
    return {
        key: held for key, held in keys.items()
        if any(name in key or (held[0] != b"stream" and name in repr(held[1]).encode()) for name in wanted)}
