"""Runs a server-side floor until nothing is due. Usage: floor.py PORT JOBS-A-CALL [SCRIPT INDEX [ARGUMENT ...]]

SCRIPT is the Lua script beside this file without its ending: floor, unless another is given. Its arguments follow those
that every floor has.
"""

import json
import sys
import time

import redis

import workload

script, index = sys.argv[3:5] or ("floor", workload.INDEX)
client = redis.Redis(port=int(sys.argv[1]))
now = workload.now_ms(client)
sha = client.script_load(workload.script(script))

started = time.perf_counter()
while client.evalsha(sha, 1, index, now, sys.argv[2], workload.EVENTS_KEPT, *sys.argv[5:]):
    pass
print(json.dumps({"seconds": time.perf_counter() - started}))
