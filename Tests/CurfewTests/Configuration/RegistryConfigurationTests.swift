import Policies
import TestNeeds
import Testing

@testable import Curfew

/// What the file may say of registries, effects and presets.
@Suite("registries, effects and presets in the file", .tags(.pure))
struct RegistryConfigurationTests {
    private func problems(_ text: String) -> String {
        do {
            _ = try Configuration.parse("redis: redis://h\n" + text, file: "c", environment: [:])
            return ""
        } catch {
            return error.problems.map(\.description).joined(separator: "\n")
        }
    }

    private func cleanup(_ lines: String) -> String {
        "cleanups:\n  jobs: {policy: stuck, every: 1m, since: [s], timeout: 5m, \(lines)}"
    }

    @Test(
        "a mistake is named with its place and what was expected",
        arguments: [
            ("in: \"a:<q>\", record: \"job:<job>\", fail: {set: {x: y}}", "record: “job:<job>” names <job>"),
            ("in: \"a:<q>\", records: \"job:<id>\", to: F", "records: can't be used together with in"),
            ("in: \"a:<q>\", index: due, to: F", "index: can't be used together with in"),
            ("in: \"<q>:a\", to: F", "in: “<q>:a” begins with a gap"),
            ("in: a, to: F, each: {p: \"x:<y>\"}", "each.p: “x:<y>” has a gap"),
            ("in: a, to: F, member: job", "member: has no gap"),
            ("in: a, to: F, consumers: {idle: 1h}", "consumers: are those of a group"),
            ("in: a", "to: missing, expected a status"),
            ("records: \"j:<id>\", member: <id>, states: [A], to: F", "member: says something about registries"),
            ("records: \"j:<id>\", to: F", "states: missing"),
            ("in: a, fail: {set: {x: y}}, retry: {limit: 1}", "retry.to: missing"),
            ("in: a, fail: {st: {x: y}}", "fail.st: unknown key"),
            ("in: a, fail: {add: {x: y}}", "fail.add.x: expected a whole number"),
            ("in: a, fail: {take: {from: b}}", "fail.take.member: missing"),
            ("in: a, fail: {publish: {channel: c}}", "fail.publish.message: missing"),
            ("in: a, fail: {put: {to: b, json: {x: \"<now:soon>\"}}}", "fail.put.json.x: “<now:soon>” is no time"),
            ("in: a, fail: {put: {to: b, entry: {x: y}, with: {z: 1}}}", "fail.put.with: changes JSON"),
            ("in: a, fail: {put: {to: \"{curfew}:x\"}}", "fail.put.to: “{curfew}:x” is one of Curfew's own keys"),
            ("in: \"a:<q>\", to: F, only: {x: y}", "only.x: unknown key"),
            ("in: a, fail: {put: {to: b, kind: stream, entry: {}}}", "fail.put.entry: is empty"),
            ("in: \"a:<q>\", fail: {delete: [\"a:<q>\"]}", "fail.delete: “a:<q>” is where the records stand"),
        ])
    func mistakes(_ lines: String, _ expected: String) {
        #expect(problems(cleanup(lines)).contains("cleanups.jobs.\(expected)"), "\(problems(cleanup(lines)))")
    }

    @Test(
        "what is known of a record beside its fields is only named where it can be known",
        arguments: [
            (
                "records: \"j:<id>\", states: [A], to: F, since: [\"<score>\"]",
                "“<score>” is what a member of a sorted set has"
            ),
            ("in: a, to: F, since: [\"<idle>\"]", "“<idle>” is what a pending entry has, expected group"),
            ("in: a, to: F, since: [\"<ttl:x>\"]", "“<ttl:x>” names no time, expected one like <ttl:60s>"),
        ])
    func words(_ lines: String, _ expected: String) {
        let found = problems("cleanups:\n  jobs: {policy: stuck, every: 1m, timeout: 5m, \(lines)}")
        #expect(found.contains("cleanups.jobs.since: \(expected)"), "\(found)")
    }

    @Test("several gaps and several templates name records by their whole keys")
    func keys() throws {
        let text =
            "redis: redis://h\n"
            + cleanup("records: \"bull:<queue>:<id>\", only: {queue: [mail, \"b.*\"]}, states: [A], to: F")
        let found = try #require(try Configuration.parse(text, file: "c", environment: [:]).cleanups.first)
        let keys = Keys(prefix: "curfew")
        #expect(found.id(of: "bull:mail:7", keys) == "bull:mail:7")
        #expect(found.id(of: "bull:other:7", keys) == nil && found.id(of: "job:7", keys) == nil)
        let several = "redis: redis://h\n" + cleanup("records: [\"a:<id>\", \"ab:<id>\"], states: [A], to: F")
        let list = try #require(try Configuration.parse(several, file: "c", environment: [:]).cleanups.first)
        #expect(list.id(of: "ab:1", keys) == "ab:1" && list.scanPattern == "a*")
    }

    @Test(
        "every preset is a configuration, with its usual parameters and with what it stands for written out",
        arguments: Preset.all.map(\.name))
    func presets(_ name: String) throws {
        let preset = try #require(Preset.named(name))
        let file = try Configuration.parse("redis: redis://h\npreset: \(name)", file: "c", environment: [:])
        #expect(!file.cleanups.isEmpty && file.warnings.isEmpty, "\(file.warnings)")
        #expect(file.cleanups.allSatisfy { $0.name.hasPrefix(name + "-") })
        #expect(preset.parameters.allSatisfy { !$0.meaning.isEmpty })
        let written = "redis: redis://h\ncleanups:\n" + preset.written().cleanups
        let same = try Configuration.parse(written, file: "c", environment: [:])
        #expect(same.cleanups.map(\.name) == file.cleanups.map(\.name))
        #expect(same.cleanups.map(\.fingerprint) == file.cleanups.map(\.fingerprint))
    }

    @Test(
        "what is wrong with a preset is said with the line that names it",
        arguments: [
            ("preset: rqq", "c:2: preset: unknown preset “rqq”, did you mean “rq”?"),
            ("preset: {rq: {timeot: 1m}}", "c:2: preset.rq.timeot: unknown parameter, did you mean “timeout”?"),
            (
                "preset: {rq: {timeout: banana}}",
                "c:2: cleanups.rq-stuck.timeout: expected a duration like 30s, 15m, 1h30m or 7d, found “banana”"
            ),
            ("preset: {rq: {prefix: \"a<b\"}}", "preset.rq.prefix: “a<b” has a “<”"),
            ("preset: [rq, rq]", "c:2: preset: rq is named twice"),
            ("preset: {rq: 5}", "preset.rq: expected the parameters of the preset"),
        ])
    func wrongPresets(_ text: String, _ expected: String) {
        #expect(problems(text).contains(expected), "\(problems(text))")
    }

    @Test("a cleanup of one's own stands beside those of a preset, or takes the place of the one of its name")
    func besides() throws {
        let own =
            "rq-stuck: {policy: stuck, every: 1h, in: \"rq:wip:<q>\", record: \"rq:job:<id>\", since: [s], timeout: 9m, fail: {set: {a: b}}}"
        let text = """
            redis: redis://h
            preset: {rq: {queues: [mail, "a.b"], keep: 1d}}
            cleanups:
              \(own)
              mine: {policy: locks, every: 1h, records: "lock:<id>", timeout: 1h}
            """
        let file = try Configuration.parse(text, file: "c", environment: [:])
        #expect(file.cleanups.map(\.name).sorted() == ["mine", "rq-history", "rq-stuck", "rq-workers"])
        #expect(file.cleanup(named: "rq-stuck")?.longestTimeout == .seconds(540))
        let history = try #require(file.cleanup(named: "rq-history"))
        #expect(history.longestTimeout == .seconds(86_400))
        let keys = Keys(prefix: "curfew")
        #expect(history.id(of: "rq:finished:a.b", keys) != nil && history.id(of: "rq:finished:axb", keys) == nil)
    }
}
