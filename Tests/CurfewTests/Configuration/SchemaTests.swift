import Curfew
import Foundation
import TestNeeds
import TestSupport
import Testing
import Yams

@Suite("the JSON Schema", .tags(.pure))
struct SchemaTests {
    private static func schema() throws -> SchemaCheck { try SchemaCheck(ConfigurationSchema.bytes) }

    /// What an editor makes of a file: plain values are numbers and flags as YAML 1.2 has them.
    private static func value(_ text: String) throws -> Any {
        func make(_ node: Node) -> Any {
            switch node {
            case .mapping(let mapping):
                return Dictionary(mapping.map { ($0.key.string ?? "", make($0.value)) }) { first, _ in first }
            case .sequence(let sequence): return sequence.map(make)
            case .scalar(let scalar):
                let text = scalar.string
                guard scalar.style == .plain else { return text }
                if ["", "~", "null"].contains(text) { return NSNull() }
                if text == "true" || text == "false" { return text == "true" }
                if let whole = Int(text) { return whole }
                if let number = Double(text) { return number }
                return text
            default: return NSNull()
            }
        }
        return make(try #require(try Yams.compose(yaml: text)))
    }

    private static func problems(_ text: String) throws -> [String] {
        try schema().problems(try value(text))
    }

    @Test("every configuration in the documentation fits", arguments: try DocumentationPage.all())
    func documentation(_ page: DocumentationPage) throws {
        for block in page.blocks where block.language == "yaml" {
            // The schema has the policies that are built in; a program's own are known to that program alone.
            guard !block.lines.contains(where: { $0.contains("policy: abandoned-cart") }) else { continue }
            let found = try Self.problems(DocumentationConfigurationTests.whole(block))
            #expect(found.isEmpty, "\(page.path):\(block.line): \(found.joined(separator: "\n"))")
        }
    }

    /// Sections of the file as the reader names them, and the parts of the schema that describe them.
    private static let sections: [(reader: String, schema: [String])] = [
        ("zzzz", ["properties"]), ("worker.zzzz", ["properties", "worker", "properties"]),
        ("http.zzzz", ["properties", "http", "properties"]),
        ("http.tls.zzzz", ["properties", "http", "properties", "tls", "properties"]),
        ("streams.zzzz", ["properties", "streams", "properties"]),
        ("storage.uploads.zzzz", ["properties", "storage", "additionalProperties", "properties"]),
        ("webhooks.ops.zzzz", ["properties", "webhooks", "additionalProperties", "properties"]),
        ("mail.zzzz", ["properties", "mail", "properties"]), ("log.zzzz", ["properties", "log", "properties"]),
        ("otel.zzzz", ["properties", "otel", "properties"]),
        ("alerts.alert.zzzz", ["properties", "alerts", "additionalProperties", "properties"]),
        ("cleanups.stuck.retry.zzzz", ["$defs", "retry", "properties"]),
        ("cleanups.stuck.refund.zzzz", ["$defs", "refund", "properties"]),
        ("cleanups.stuck.refund.record.zzzz", ["$defs", "put", "properties"]),
        ("cleanups.stuck.writes.zzzz", ["$defs", "policy-stuck", "properties", "writes", "properties"]),
        ("cleanups.paused.writes.zzzz", ["$defs", "policy-paused", "properties", "writes", "properties"]),
        ("cleanups.counters.counters.zzzz", ["$defs", "policy-counters", "properties", "counters", "properties"]),
        ("cleanups.counters.members.zzzz", ["$defs", "policy-counters", "properties", "members", "properties"]),
        ("cleanups.files.orphan.zzzz", ["$defs", "policy-files", "properties", "orphan", "properties"]),
        ("cleanups.files.deleted.zzzz", ["$defs", "policy-files", "properties", "deleted", "properties"]),
    ]

    /// Words of the contract that describe effects and registries: the schema may know them before a reader of a
    /// section does.
    private static let foretold: Set = [
        "preset", "in", "member", "record", "each", "group", "consumers", "id", "take", "types", "fail", "complete",
        "cancel", "reset", "release", "remove", "close", "max-age", "set", "unset", "add", "put", "delete", "publish",
        "with", "retry",
    ]

    @Test("it has every key that the reader knows, and no other", arguments: sections.indices)
    func keys(_ number: Int) throws {
        let (path, place) = Self.sections[number]
        let known = try #require(try DocumentationConfigurationTests.known()[path], "\(path)")
        let schema = try Self.schema()
        let part = place.dropLast().reduce(schema.part()) { part, key in schema.inner(part, key) }
        let keys = Set((part[place.last ?? ""] as? [String: Any] ?? [:]).keys)
        #expect(known.subtracting(keys).isEmpty, "\(path): not in the schema")
        #expect(keys.subtracting(known).subtracting(Self.foretold).isEmpty, "\(path): unknown to the reader")
    }

    @Test(
        "it has every key of each policy and no other",
        arguments: ["stuck", "counters", "locks", "paused", "dependent", "retention", "files"])
    func policies(_ policy: String) throws {
        let known = try #require(try DocumentationConfigurationTests.known()["cleanups.\(policy).zzzz"])
        let schema = try Self.schema()
        let names = Set(schema.part("$defs", "policy-\(policy)", "propertyNames")["enum"] as? [String] ?? [])
        #expect(known.subtracting(names).isEmpty, "not in the schema")
        #expect(names.subtracting(known).subtracting(Self.foretold).isEmpty, "unknown to the reader")
        let common = Set(schema.part("$defs", "cleanup", "properties").keys)
        let own = Set(schema.part("$defs", "policy-\(policy)", "properties").keys)
        #expect(common.union(own) == names && common.isDisjoint(with: own))
    }

    private static let start =
        "redis: redis://h\ncleanups: {a: {policy: locks, every: 1h, records: \"l:<id>\", timeout: 1h"

    @Test(
        "what the reader refuses for its form, the schema refuses too",
        arguments: [
            "redis: redis://h\n", "cleanups: {}\n", "\(start), timeot: 1h}}", "\(start), cron: \"* * * * *\"}}",
            "\(start), page: 5}}", "\(start), enabled: maybe}}", "\(start), format: xml}}", "\(start), touch: []}}",
            "\(start)}}\nworker: {lease: 15}", "\(start)}}\nhttp: 1",
            "\(start)}}\nalerts: {a: {cleanup: a, metric: found}}",
            "\(start)}}\nwebhooks: {o: {url: \"https://a\", on: [alarm]}}", "\(start)}}\nlogs: {}",
            "redis: redis://h\ncleanups: {a: {policy: nosuch, every: 1h, records: \"l:<id>\"}}",
            "redis: redis://h\ncleanups: {a: {policy: stuck, every: 1h, records: \"l:<id>\", states: [A], to: B}}",
            "redis: redis://h\ncleanups: {a: {policy: files, every: 1h, records: \"l:<id>\", storage: s, object: k}}",
        ])
    func refused(_ text: String) throws {
        #expect(throws: ConfigurationError.self) {
            try Configuration.parse(text, file: "", environment: [:])
        }
        #expect(try !Self.problems(text).isEmpty)
    }

    @Test(
        "variables may stand wherever a value does",
        arguments: ["\(start), page: \"${PAGE:-20}\", enabled: \"${ON:-true}\", undo: \"${UNDO:-1d}\"}}"])
    func variables(_ text: String) throws {
        _ = try Configuration.parse(text, file: "", environment: [:])
        #expect(try Self.problems(text).isEmpty)
    }

    @Test("records in registries and what changes do with them fit, as the contract writes them")
    func registries() throws {
        let text = """
            redis: redis://h
            preset: {rq: {timeout: 1h}}
            cleanups:
              stuck:
                policy: stuck
                every: 1m
                in: ["wip:<queue>", "work:<queue>"]
                each: {process: processes}
                member: <id>:<execution>
                record: {key: unacked, field: "<id>"}
                id: payload.jid
                only: {queue: "[a-z]+"}
                since: {latest: ["<score>", started_at]}
                timeout: {field: timeout, unit: s, default: 5m}
                max-age: 6h
                alive: {in: heartbeats, member: "<worker>", within: 60s}
                take: [{from: unacked, member: "<id>"}]
                retry:
                  limit: 1
                  set: {status: queued, at: "<now:iso>"}
                  unset: [started_at]
                  add: {attempts: 1}
                  take: [{from: "wip:<queue>", member: "<member>"}]
                  put: [{to: "queue:<queue>", at: head, with: {a.b: true}}, {to: e, entry: {event: waiting}}]
                  delete: ["executions:<id>"]
                  publish: [{channel: done, json: {id: "<id>"}}]
                fail: {set: {status: failed}, put: {to: "failed:<queue>", score: "<now:s+1y>"}}
                types: {by: tier, GOLD: {timeout: 20m, to: EXPIRED, retry: {limit: 3}}}
            """
        #expect(try Self.problems(text) == [])
    }
}

extension SchemaCheck {
    /// The part of a part, behind a reference where there is one.
    func inner(_ part: [String: Any], _ key: String) -> [String: Any] {
        let found = part[key] as? [String: Any] ?? [:]
        guard let name = (found["$ref"] as? String)?.split(separator: "/").last else { return found }
        return self.part("$defs", String(name))
    }
}
