import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What a configuration's mistakes are told as: whole messages, since people read them.
@Suite("Configuration problems", .tags(.pure))
struct ConfigurationProblemTests {
    /// A cleanup that is right, line by line from line 4; a test replaces or adds lines.
    private static let stuck = """
        policy: stuck
        every: 15m
        records: job:<id>
        states: [PROCESSING]
        since: [startedAt]
        timeout: 5m
        to: FAILED
        """

    private func problems(_ text: String, _ environment: [String: String] = [:]) -> String {
        do {
            _ = try Configuration.parse(text, file: "curfew.yaml", environment: environment)
            return "none"
        } catch {
            return error.description
        }
    }

    /// The problems of a cleanup, which begins on line 4, with some lines in place of those with the same key.
    private func problems(_ lines: [String], removing: [String] = []) -> String {
        let replaced = removing + lines.map { String($0.prefix { $0 != ":" }) }
        let kept = Self.stuck.split(separator: "\n").map(String.init).filter { line in
            !replaced.contains { line.hasPrefix("\($0):") }
        }
        let body = (lines + kept).map { "    \($0)" }.joined(separator: "\n")
        return problems("redis: redis://127.0.0.1\ncleanups:\n  jobs:\n\(body)")
    }

    private func problems(alert: String) -> String {
        problems(
            """
            redis: redis://127.0.0.1
            cleanups:
              jobs: {policy: locks, every: 1m, records: "l:<id>", timeout: 1m}
            alerts:
              a: {\(alert)}
            """)
    }

    @Test("every problem is reported, in the order of the file, each on a line of its own")
    func everyProblem() {
        let text = """
            redis: http://x
            worker: {lease: 5}
            clenups:
              stuck-jobs:
            """
        var redis = ""
        do { _ = try RedisConfiguration(url: "http://x") } catch { redis = error.message }
        #expect(
            problems(text) == """
                curfew.yaml:1: redis: \(redis)
                curfew.yaml:1: cleanups: missing, expected a section
                curfew.yaml:2: worker.lease: “5” has no unit, write 5s, 5m or 5h
                curfew.yaml:3: clenups: unknown key, did you mean “cleanups”? (expected one of redis, redis-user, redis-password, \
                prefix, min-replicas, worker, http, streams, storage, webhooks, mail, cleanups, routes, alerts, log, otel, preset)
                """)
    }

    @Test("an unknown key is named with the nearest valid one")
    func unknownKey() {
        #expect(
            problems(["timeot: 5m"]) == """
                curfew.yaml:4: cleanups.jobs.timeot: unknown key, did you mean “timeout”? (expected one of policy, every, \
                cron, timezone, records, index, scan, status, format, enabled, dry-run, limit, page, run-timeout, \
                misfire-grace, undo, ping, guard, missing, time-unit, zone, null-times, allow, only, except, trash, \
                touch, carry, title, category, color, take, in, member, record, each, group, consumers, id, fail, \
                complete, cancel, reset, release, remove, close, \
                states, since, heartbeat, timeout, timeouts, max-age, types, alive, completed-when, completed-to, retry, to, refund, writes)
                """)
        #expect(
            problems(["retry: {limt: 3, limit: 3, to: Q, xyzzy: 1}"]) == """
                curfew.yaml:4: cleanups.jobs.retry.limt: unknown key, did you mean “limit”? (expected one of limit, \
                window, to, queue, attempts, set, unset, add, take, put, delete, publish)
                curfew.yaml:4: cleanups.jobs.retry.xyzzy: unknown key (expected one of limit, window, to, queue, attempts, \
                set, unset, add, take, put, delete, publish)
                """)
    }

    @Test(
        "a wrong value says what was expected",
        arguments: [
            ("timeout: 5", "timeout: “5” has no unit, write 5s, 5m or 5h"),
            ("timeout: 0s", "timeout: expected more than 0, found “0s”"),
            ("timeout: -5m", "timeout: expected a duration like 30s, 15m, 1h30m or 7d, found “-5m”"),
            ("timeout: 5 parsecs", "timeout: expected a duration like 30s, 15m, 1h30m or 7d, found “5 parsecs”"),
            ("timeout: 40000d", "timeout: expected at most 36500d, found “40000d”"),
            (
                "timeout: 99999999999999w",
                "timeout: expected a duration like 30s, 15m, 1h30m or 7d, found “99999999999999w”"
            ),
            ("timeout: [5m]", "timeout: expected a duration like 30s, 15m, 1h30m or 7d, found a list"),
            ("timeout:", "timeout: expected a duration like 30s, 15m, 1h30m or 7d, found nothing"),
            ("every: 999ms", "every: expected at least 1s, found “999ms”"),
            ("enabled: yes", "enabled: expected true or false, found “yes”"),
            ("limit: 0", "limit: expected a whole number from 1, found “0”"),
            ("limit: 1.5", "limit: expected a whole number from 1, found “1.5”"),
            ("page: 10", "page: expected a whole number from 20 to 1000, found “10”"),
            ("states: []", "states: is empty, expected a text or a list of texts"),
            ("states: [A, {b: c}]", "states: expected a text in the list, found a section"),
            ("states: [A, [B]]", "states: expected a text in the list, found a list"),
            ("states: ''", "states: expected a text or a list of texts, found “”"),
            ("to: PROCESSING", "to: “PROCESSING” is one of states, so the record would never leave them"),
            (
                "completed-to: PROCESSING",
                "completed-to: “PROCESSING” is one of states, so the record would never leave them"
            ),
            ("records: job", "records: “job” has no <id>, expected a key like job:<id>"),
            (
                "records: '<id>:<user>'",
                "records: “<id>:<user>” begins with a gap, so a record could name any key: expected one that begins with a name, like job:<id>:log, or allow: any"
            ),
            ("records: <id>", "records: “<id>” matches every key, expected a key like job:<id>"),
            ("records: 'job:<id'", "records: “job:<id” is not a key: “<” is never closed (column 5)"),
            ("index: 'due:<id>'", "index: expected the name of one sorted set, without placeholders, found “due:<id>”"),
            ("timezone: UTC", "timezone: is only used with cron, not with every"),
            ("cron: 0 4 * * *", "cron: can't be used together with every"),
            ("retry: {limit: -1, to: Q}", "retry.limit: expected a whole number from 0 to 100, found “-1”"),
            ("retry: {limit: 1}", "retry.to: missing, expected a status"),
            ("retry: 3", "retry: expected a section, found “3”"),
            ("refund: {amount: a, balance: b}", "refund.ledger: missing, expected a key like job:<id>"),
            ("timeouts: {A: 5m}", "timeouts.by: missing, expected the name of a field"),
            ("timeouts: {by: t}", "timeouts: has no type, expected one like TIER_4K: 20m"),
            ("timeouts: {by: t, A: 5}", "timeouts.A: “5” has no unit, write 5s, 5m or 5h"),
            ("format: xml", "format: unknown “xml” (expected one of hash, json, text)"),
            (
                "color: '#12'",
                "color: expected a colour like \"#1a56b0\" (in quotes), or one of gray, red, orange, yellow, green, teal, "
                    + "blue, purple, pink, brown, found “#12”"
            ),
            (
                "color: 'red;x'",
                "color: expected a colour like \"#1a56b0\" (in quotes), or one of gray, red, orange, "
                    + "yellow, green, teal, blue, purple, pink, brown, found “red;x”"
            ),
            ("title: ''", "title: expected a text of 1 to 80 characters, on one line, found “”"),
            ("category: \"a\\nb\"", "category: expected a text of 1 to 80 characters, on one line, found “a\nb”"),
            ("ping: ftp://x", "ping: expected an address like https://host/path"),
            (
                "guard: on",
                "guard: expected off, or a section like {share: 25%, beyond: 1000}, found “on”"
            ),
            ("guard: {share: 25}", "guard.share: expected a share like 25%, found “25”"),
            ("guard: {share: 101%}", "guard.share: expected a share like 25%, found “101%”"),
            ("guard: {beyond: -1}", "guard.beyond: expected a whole number from 0, found “-1”"),
            (
                "guard: {beyound: 1}",
                "guard.beyound: unknown key, did you mean “beyond”? (expected one of share, beyond)"
            ),
            (
                "policy: stick",
                "policy: unknown “stick”, did you mean “stuck”? (expected one of stuck, counters, locks, paused, "
                    + "dependent, retention, files)"
            ),
        ])
    func wrongValue(line: String, message: String) {
        #expect(problems([line]) == "curfew.yaml:4: cleanups.jobs.\(message)")
    }

    @Test(
        "a missing key is named, at the line of its cleanup",
        arguments: [
            ("policy", "expected one of stuck, counters, locks, paused, dependent, retention, files"),
            ("every", "expected every or cron"),
            ("records", "expected a key like job:<id>"), ("states", "expected a text or a list of texts"),
            ("since", "expected a text or a list of texts"), ("to", "expected a status"),
            ("timeout", "expected a duration like 30s, 15m, 1h30m or 7d"),
        ])
    func missingKey(key: String, expected: String) {
        #expect(problems([], removing: [key]) == "curfew.yaml:3: cleanups.jobs.\(key): missing, \(expected)")
    }

    @Test(
        "a bad cron expression or time zone is told apart",
        arguments: [
            ("0 4 * *", "", "cron: “0 4 * *” has 4 fields, expected 5: minute, hour, day of month, month, day of week"),
            ("0 24 * * *", "", "cron: hour “24”: 24 is out of range (0 to 23)"),
            ("0 0 31 2 *", "", "cron: “0 0 31 2 *” never matches: the month has no such day"),
            ("0 4 * * *", "Europe/Berln", "timezone: unknown “Europe/Berln”, did you mean “Europe/Berlin”?"),
            ("0 4 * * *", "Nowhere", "timezone: unknown “Nowhere”, expected a time zone like Europe/Berlin"),
        ])
    func badCron(cron: String, zone: String, message: String) {
        var lines = ["cron: '\(cron)'"]
        if !zone.isEmpty { lines.append("timezone: \(zone)") }
        let text = problems(lines, removing: ["every"])
        #expect(text == "curfew.yaml:\(zone.isEmpty ? 4 : 5): cleanups.jobs.\(message)")
    }

    @Test("two cleanups of one name, and any other duplicate key, are reported with both lines")
    func duplicateKeys() {
        let text = """
            redis: redis://127.0.0.1
            cleanups:
              a: {policy: locks, every: 1m, records: "l:<id>", timeout: 1m, "timeout": 2m}
              b:
                policy: locks
                every: 1m
                records: l:<id>
                timeout: 1m
                every: 2m
              a: {}
              a: {}
            """
        #expect(
            problems(text) == """
                curfew.yaml:3: cleanups.a.timeout: duplicate key, first on line 3
                curfew.yaml:9: cleanups.b.every: duplicate key, first on line 6
                curfew.yaml:10: cleanups.a: duplicate key, first on line 3
                curfew.yaml:11: cleanups.a: duplicate key, first on line 3
                """)
    }

    @Test("a name that can't be part of a key is refused")
    func badName() {
        let text = """
            redis: redis://127.0.0.1
            cleanups:
              "my jobs": {policy: locks, every: 1m, records: "l:<id>", timeout: 1m}
            """
        #expect(
            problems(text) == """
                curfew.yaml:3: cleanups.my jobs: is not a name, expected up to 64 letters, digits, “_”, “.” and “-”, \
                beginning with a letter or a digit
                """)
    }

    @Test(
        "an alert must make sense",
        arguments: [
            (
                "cleanup: job, metric: found, above: 1",
                "cleanup: unknown cleanup “job”, did you mean “jobs”? (expected one of *, jobs)"
            ),
            (
                "cleanup: jobs, metric: fund, above: 1",
                "metric: unknown “fund”, did you mean “found”? (expected one of found, changed, retried, skipped, failed, "
                    + "refunded, backlog, drift, bytes_freed, absent, missing, duration_ms, lag_ms, oldest_overdue_ms, stalled, refused, runs_failed, runs_lost, overdue)"
            ),
            (
                "cleanup: jobs, above: 1",
                "metric: missing, expected one of found, changed, retried, skipped, failed, "
                    + "refunded, backlog, drift, bytes_freed, absent, missing, duration_ms, lag_ms, oldest_overdue_ms, stalled, refused, runs_failed, runs_lost, overdue"
            ),
            ("metric: found, above: 1", "cleanup: missing, expected the name of a cleanup, or \"*\""),
            ("cleanup: jobs, metric: found", "above: missing, expected above or below"),
            (
                "cleanup: jobs, metric: found, above: 1, below: 2",
                "below: can't be used together with above"
            ),
            (
                "cleanup: jobs, metric: found, above: 10m",
                "above: expected a number, since found is a count, found “10m”"
            ),
            ("cleanup: jobs, metric: found, above: -1", "above: expected a number, since found is a count, found “-1”"),
            (
                "cleanup: jobs, metric: lag_ms, above: 600",
                "above: expected a duration like 10m, since lag_ms is a time, found “600”"
            ),
            (
                "cleanup: jobs, metric: found, above: 1, over: 0 runs",
                "over: expected a number of runs like 3 runs, or a duration like 1h, found “0 runs”"
            ),
            (
                "cleanup: jobs, metric: overdue, above: 1m, over: 1h",
                "over: can't be used with overdue, which is a state and not a number of each run"
            ),
            (
                "cleanup: jobs, metric: found, above: 1, severity: fatal",
                "severity: unknown “fatal” (expected one of info, warning, critical)"
            ),
        ])
    func badAlert(alert: String, message: String) {
        #expect(problems(alert: alert) == "curfew.yaml:5: alerts.a.\(message)")
    }

    @Test("limits of the worker, the streams and the prefix are kept")
    func limits() {
        let text = """
            redis: redis://127.0.0.1
            prefix: "{curfew}"
            worker: {lease: 299ms, heartbeat: 99ms, concurrency: 65}
            streams:
              runs: 0s
              length: 0
            cleanups:
            """
        #expect(
            problems(text) == """
                curfew.yaml:2: prefix: expected a word without braces or spaces, found “{curfew}”
                curfew.yaml:3: worker.lease: expected at least 300ms, found “299ms”
                curfew.yaml:3: worker.heartbeat: expected at least 100ms, found “99ms”
                curfew.yaml:3: worker.concurrency: expected a whole number from 1 to 64, found “65”
                curfew.yaml:5: streams.runs: expected more than 0, found “0s”
                curfew.yaml:6: streams.length: expected a whole number from 1 to 100000000, found “0”
                """)
    }

    @Test("a status that is left out must be outside of states too")
    func defaultTarget() {
        #expect(
            problems(["states: COMPLETED"]) == """
                curfew.yaml:3: cleanups.jobs.completed-to: omitted, it is “COMPLETED”, which is one of states, so the \
                record would never leave them
                """)
    }

    @Test("one wrong key hides no other")
    func everythingOfOneCleanup() {
        #expect(
            problems(["policy: nonsense", "limit: x", "cron: x", "undo: x", "records: x"]) == """
                curfew.yaml:4: cleanups.jobs.policy: unknown “nonsense” (expected one of stuck, counters, locks, \
                paused, dependent, retention, files)
                curfew.yaml:5: cleanups.jobs.limit: expected a whole number from 1, found “x”
                curfew.yaml:6: cleanups.jobs.cron: “x” has 1 fields, expected 5: minute, hour, day of month, month, day \
                of week
                curfew.yaml:6: cleanups.jobs.cron: can't be used together with every
                curfew.yaml:7: cleanups.jobs.undo: expected a duration like 30s, 15m, 1h30m or 7d, found “x”
                curfew.yaml:8: cleanups.jobs.records: “x” has no <id>, expected a key like job:<id>
                """)
    }

    @Test("a field counted twice is refused")
    func doubleCounter() {
        let text = """
            redis: redis://127.0.0.1
            cleanups:
              g:
                {policy: counters, every: 1m, records: "g:<id>", states: a, since: b, timeout: 1m, total: all,
                counters: {queued: q, processing: q, completed: all}}
            """
        #expect(
            problems(text) == """
                curfew.yaml:5: cleanups.g.counters.processing: is already the field of queued
                curfew.yaml:5: cleanups.g.counters.completed: is already the field of total
                curfew.yaml:5: cleanups.g.counters.failed: missing, expected the name of a field
                """)
    }
}
