import TestNeeds
import Testing

@testable import Curfew
@testable import Policies

/// How a file says in which form its records write times, and how groups and locks are kept.
@Suite("Configuration of times, groups and locks", .tags(.pure))
struct ConfigurationTimesTests {
    private func parse(_ line: String) throws -> any Policies.Policy {
        let text = "redis: redis://127.0.0.1\ncleanups:\n  a: {every: 1h, records: \"r:<id>\", \(line)}"
        let file = try Configuration.parse(text, file: "curfew.yaml", environment: [:])
        return try #require(file.cleanups.first).policy
    }

    private func problems(_ line: String) -> String {
        do {
            _ = try parse(line)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    private static let stuck = "policy: stuck, states: A, since: b, timeout: 1m, to: C"
    private static let counters = "policy: counters, states: A, since: b, timeout: 1m, total: t"

    @Test("unit, zone and texts for no time are read, for any policy")
    func times() throws {
        #expect(try parse(Self.stuck).times == TimeReading())
        let times = try parse(Self.stuck + ", time-unit: ms, zone: Europe/Berlin, null-times: [never, -1]").times
        #expect(times.unit == .milliseconds && times.nulls == ["never", "-1"])
        let zone = try #require(times.zone)
        #expect(zone.name == "Europe/Berlin")
        #expect(zone.offset(at: 1_785_328_231) == 7_200 && zone.offset(at: 1_795_955_431) == 3_600)
    }

    @Test(
        "clocks that are put back and forward are read as the later time",
        arguments: [
            ("2026-10-25T02:30:00", 1_792_891_800), ("2026-03-29T02:30:00", 1_774_747_800),
            ("2026-07-01T12:00:00", 1_782_900_000),
        ] as [(String, Int64)])
    func daylight(text: String, second: Int64) throws {
        let times = try parse(Self.stuck + ", zone: Europe/Berlin").times
        guard case .time(let time) = times.read(text) else {
            Issue.record("\(text) isn't read")
            return
        }
        #expect(time.timestamp == Timestamp(milliseconds: second * 1_000))
    }

    @Test("what is no unit and no zone is said")
    func wrong() {
        #expect(problems(Self.stuck + ", time-unit: sec").contains("a.time-unit: unknown “sec”"))
        #expect(problems(Self.stuck + ", time-unit: sec").contains("expected one of s, ms, us, ns"))
        #expect(problems(Self.stuck + ", zone: Europe/Berlim").contains("did you mean “Europe/Berlin”?"))
    }

    @Test("an application that counts down has two counters")
    func pending() throws {
        let policy = try #require(
            try parse(Self.counters + ", counters: {pending: p, failed: f}") as? CountersPolicy)
        #expect(policy.counters == CountersPolicy.Counters(pending: "p", failed: "f"))
        #expect(policy.fields == ["status", "b", "t", "p", "f"])
        let mixed = problems(Self.counters + ", counters: {pending: p, failed: f, completed: c}")
        #expect(mixed.contains("counters.completed: unknown key") && mixed.contains("expected one of pending, failed"))
    }

    @Test("members are in one key of one kind, and of one format", arguments: GroupMembers.Collection.allCases)
    func members(kind: GroupMembers.Collection) throws {
        let four = ", counters: {queued: q, processing: p, completed: c, failed: f}"
        let line = Self.counters + four + ", members: {\(kind.rawValue): \"m:<id>\", record: \"t:<id>\""
        let policy = try #require(try parse(line + ", format: json}") as? CountersPolicy)
        #expect(policy.members?.collection == kind && policy.members?.isJSON == true)
        #expect(policy.members?.key.text == "m:<id>")
        let other = kind == .set ? "list" : "set"
        let second = kind == .set ? other : kind.rawValue
        #expect(
            problems(line + ", \(other): \"n:<id>\"}").contains("members.\(second): can't be used together with set"))
    }

    @Test("locks that expire are left unless the file says otherwise")
    func expiring() throws {
        #expect(try #require(try parse("policy: locks, timeout: 1m") as? LocksPolicy).leavesExpiring)
        let judging = try #require(try parse("policy: locks, timeout: 1m, expiring: judge") as? LocksPolicy)
        #expect(!judging.leavesExpiring)
        let both = try #require(try parse("policy: locks, timeout: 1m, since: at, expiring: judge") as? LocksPolicy)
        #expect(!both.leavesExpiring && both.since == ["at"])
    }

    @Test("no status is a status, in quotes or as null")
    func noStatus() throws {
        for text in ["[\"\"]", "[null]", "['', done]"] {
            let policy = try parse("policy: retention, since: at, keep: 1d, states: \(text)")
            #expect(policy.activeStates?.first == "")
        }
        #expect(problems("policy: retention, since: [''], keep: 1d").contains("expected a text in the list"))
    }
}
