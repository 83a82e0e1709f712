#!/bin/sh
# In place of an application: jobs, many of them left by workers that died. First fifty, then one every five seconds.
set -eu

ask() { redis-cli -h "$REDIS_HOST" "$@" >/dev/null; }

# job ID AGE: a job that was started so many seconds ago.
job() {
    now=$(redis-cli -h "$REDIS_HOST" TIME | head -n 1)
    ask HSET "job:$1" status RUNNING startedAt "$((now - $2))" cost 3 user ada worker "worker-$(($1 % 4))"
}

ask SET user:ada:tokens 100 NX
number=0
while [ "$number" -lt 50 ]; do
    number=$((number + 1))
    job "$number" 3600
done
echo "The application has 50 jobs, and their workers have died"
while sleep 5; do
    number=$((number + 1))
    job "$number" "$((number % 2 * 3600))"
done
