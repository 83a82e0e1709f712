"""Runs the server-side floor (floor.lua) until nothing is due. Usage: floor.py PORT JOBS-A-CALL"""

import json
import sys
import time

import redis

import workload

client = redis.Redis(port=int(sys.argv[1]))
now = workload.now_ms(client)
sha = client.script_load(workload.script("floor"))

started = time.perf_counter()
while client.evalsha(sha, 1, workload.INDEX, now, sys.argv[2], workload.EVENTS_KEPT):
    pass
print(json.dumps({"seconds": time.perf_counter() - started}))
