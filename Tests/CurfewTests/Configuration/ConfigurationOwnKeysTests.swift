import TestNeeds
import Testing

@testable import Curfew

/// What `config check` says of templates that can name Curfew's own keys, or anybody's.
@Suite("configuration: templates out of bounds", .tags(.pure))
struct ConfigurationOwnKeysTests {
    private func parse(_ cleanup: String, prefix: String = "curfew") throws -> Configuration {
        let text = "redis: redis://localhost\nprefix: \"\(prefix)\"\ncleanups:\n  a: {every: 1m, \(cleanup)}\n"
        return try Configuration.parse(text, file: "c.yaml", environment: [:])
    }

    private func problems(_ cleanup: String, prefix: String = "curfew") -> [String] {
        do {
            _ = try parse(cleanup, prefix: prefix)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    private static let stuck = "policy: stuck, states: [r], timeout: 1m, to: FAILED, since: [at], records: \"job:<id>\""
    private static let old = "policy: retention, since: [at], keep: 1d, records: \"job:<id>\""

    @Test(
        "a template of what is written that begins with a gap is refused",
        arguments: [
            ("\(old), also: [\"<log>\"]", "also"), ("\(old), also: [\"job:<id>:log\", \"<log>:x\"]", "also"),
            ("\(old), also: \"<id>:log\"", "also"),
            ("\(stuck), retry: {limit: 1, to: Q, queue: \"<queue>\"}", "retry.queue"),
            ("\(stuck), retry: {limit: 1, to: Q, queue: {key: \"<queue>:x\"}}", "retry.queue.key"),
            ("\(stuck), refund: {amount: c, balance: \"<b>\", ledger: \"l:<id>\"}", "refund.balance"),
            ("\(stuck), refund: {amount: c, balance: \"b:<id>\", ledger: \"<b>:l\"}", "refund.ledger"),
        ])
    func gaps(cleanup: String, key: String) throws {
        let found = problems(cleanup)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("c.yaml:4: cleanups.a.\(key): “<") == true, "\(found)")
        #expect(found.first?.contains("begins with a gap, so a record could name any key") == true, "\(found)")
        #expect(try parse(cleanup + ", allow: any").warnings.contains { $0.description.contains("Curfew's own keys") })
    }

    @Test("what goes with records that begin with their id may begin with it too; with a field it may not")
    func sameBeginning() {
        let sessions = "policy: retention, since: [at], keep: 1d, records: \"<id>:session\""
        #expect(problems("\(sessions), also: [\"<id>:data\"]").isEmpty)
        #expect(problems("\(sessions), also: [\"<user>:data\"]").count == 1)
    }

    @Test(
        "a template, or an index, that is one of Curfew's own keys is refused, by its prefix",
        arguments: [
            "{curfew}:events", "{curfew}:<q>", "curfew:trash:<q>", "curfew:pending:x", "curfew:once:<id>",
            "curfew:undone:x",
        ])
    func own(template: String) {
        let queue = "\(Self.stuck), retry: {limit: 1, to: Q, queue: \"\(template)\"}"
        #expect(problems(queue).first?.contains("is one of Curfew's own keys") == true, "\(problems(queue))")
        let isPrefixed = template.hasPrefix("{")
        #expect(problems(queue, prefix: "other").isEmpty == isPrefixed)
        let alive = "\(Self.stuck), alive: \"\(template)\""
        #expect(problems(alive).first?.contains("is one of Curfew's own keys") == true)
        guard !template.contains("<") else { return }
        let index = "\(Self.stuck), index: \"\(template)\""
        #expect(problems(index).first?.contains("is one of Curfew's own keys") == true, "\(problems(index))")
    }

    @Test(
        "a template that may match one of them is warned of",
        arguments: [
            ("policy: retention, since: [at], keep: 1d, records: \"<id>:session\"", "records"),
            ("policy: locks, timeout: 1m, records: \"{<id>}:lock\"", "records"),
            ("\(stuck), alive: \"<worker>\"", "alive"), ("\(stuck), alive: \"curfew:<worker>\"", "alive"),
            ("\(stuck), retry: {limit: 1, to: Q, queue: \"{<tenant>}:events\"}", "retry.queue"),
            ("\(old), also: [\"{<tenant>}:x\"]", "also"),
            ("\(stuck), refund: {amount: c, balance: \"cu<b>\", ledger: \"l:<id>\"}", "refund.balance"),
        ])
    func warned(cleanup: String, key: String) throws {
        let found = try parse(cleanup).warnings.map(\.description)
        #expect(
            found.contains {
                $0.hasPrefix("c.yaml:4: cleanups.a.\(key): “") && $0.contains("may match one of Curfew's own keys")
            }, "\(found)")
    }

    @Test("others are not", arguments: ["job:<x>", "curfew", "curfews:<x>", "{job:<x>}:q", "user:{<x>}:q"])
    func quiet(template: String) throws {
        #expect(try parse("\(Self.stuck), retry: {limit: 1, to: Q, queue: \"\(template)\"}").warnings.isEmpty)
    }

    @Test("allow takes “any” and nothing else; object-prefix takes templates")
    func keys() {
        #expect(problems("\(Self.stuck), allow: all").first?.contains("unknown “all” (expected one of any)") == true)
        let files =
            "policy: files, since: [at], orphan: {unless: o, after: 1d}, storage: s, object: key, records: \"f:<id>\""
        #expect(
            problems("\(files), object-prefix: \"a/<\"").contains {
                $0.contains("object-prefix: “a/<” is not a template")
            }
        )
    }
}
