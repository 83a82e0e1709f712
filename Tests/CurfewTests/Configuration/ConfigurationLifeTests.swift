import TestNeeds
import Testing

@testable import Curfew

/// What the file may say of starts, times of records, signs of life and rules by type, and what it can't.
@Suite("Configuration of times, types and signs of life", .tags(.pure))
struct ConfigurationLifeTests {
    private func problems(_ line: String) -> String {
        let key = line.prefix { $0 != ":" }
        let lines = [
            "policy: stuck", "every: 1h", "records: job:<id>", "states: PROCESSING", "since: at", "timeout: 5m",
            "to: F",
        ]
        let body = lines.filter { !$0.hasPrefix("\(key):") } + line.split(separator: "\n").map(String.init)
        let text = "redis: redis://h\ncleanups:\n  jobs:\n" + body.map { "    \($0)\n" }.joined()
        do {
            _ = try Configuration.parse(text, file: "c.yaml", environment: [:])
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "a wrong value says what was expected",
        arguments: [
            ("timeout: {}", "timeout.field: missing, expected the name of a field"),
            ("timeout: {field: t}", "timeout.unit: missing, expected one of ns, us, ms, s, m, h, d"),
            ("since: {latest: a}", "since.latest: expected the names of two or more fields, none twice"),
            ("since: {sum: [a, b]}", "since.unit: missing, expected one of ns, us, ms, s, m, h, d"),
            ("since: {latest: [a, b], unit: s}", "since.unit: can't be used together with latest"),
            (
                "alive: {key: beats, field: w, within: 1m}",
                "alive: is the same for all records: expected a gap that names the worker, like <workerId>"
            ),
            (
                "alive: {key: beats, field: <w>}",
                "alive.within: missing, expected how old the heartbeat may be, like 60s"
            ),
            ("alive: {in: beats}", "alive.member: missing, expected a key like job:<id>"),
            ("types: {by: t}", "types: has no type, expected one like TIER_4K: {timeout: 20m}"),
            (
                "types: {by: t, A: {to: PROCESSING}}",
                "types.A.to: “PROCESSING” is one of states, so the record would never leave them"
            ),
            ("types: {by: t, A: {retry: never}}", "types.A.retry: expected a section, found “never”"),
            (
                "types: {by: t, A: {timeot: 1m}}",
                "types.A.timeot: unknown key, did you mean “timeout”? (expected one of timeout, max-age, to, retry, refund)"
            ),
            (
                "types: {by: t, A: 5m}\ntimeouts: {by: t, A: 6m}",
                "timeouts: “A” has a time in types too, expected one of them"
            ),
            (
                "types: {by: t, A: 5m}\ntimeouts: {by: u, B: 6m}",
                "timeouts: goes by “u”, and types by “t”: expected the same field"
            ),
        ])
    func wrong(line: String, message: String) {
        #expect(problems(line).contains(": cleanups.jobs.\(message)"))
    }

    @Test(
        "what the reference shows is accepted",
        arguments: [
            "since: {latest: [startedAt, resumedAt]}", "since: {sum: [createdAt, delay], unit: ms}",
            "timeout: {field: limit, unit: s, default: 5m}", "timeout: {field: limit, unit: m}", "max-age: 6h",
            "alive: worker:<workerId>:alive", "alive: {key: beats, field: <worker>, within: 60s}",
            "alive: {key: \"beat:<worker>\", within: 60s}", "alive: {key: \"beat:<worker>\"}",
            "alive: {in: beats, member: <worker>, within: 60s}", "alive: {in: workers, member: <worker>}",
            "types: {by: tier, A: 5m, B: {timeout: {field: limit, unit: s}, to: X, retry: none, refund: none, max-age: none}}",
        ])
    func accepted(line: String) {
        #expect(problems(line) == "none")
    }
}
