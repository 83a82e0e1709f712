import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// A name that isn't one, or that another policy has.
private protocol NamedPolicy: Curfew.Policy {}

extension NamedPolicy {
    init?(reading section: PolicySection) throws { return nil }
    var reads: [PolicyRead] { [] }
    func verdict(on record: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict { .drop(because: "") }
}

private struct Nameless: NamedPolicy { static let name = "" }
private struct Odd: NamedPolicy { static let name = "My Policy" }
private struct Stuck: NamedPolicy { static let name = "stuck" }
private struct First: NamedPolicy { static let name = "same" }
private struct Second: NamedPolicy { static let name = "same" }
private struct Greedy: NamedPolicy {
    static let name = "greedy"
    static let keys = ["every"]
}
private struct Silent: NamedPolicy { static let name = "silent" }

@Suite("policies that a configuration may name", .tags(.pure))
struct KnownPoliciesTests {
    private static let whole =
        "tidy: {policy: tidy-up, every: 1h, records: 'doc:<id>', index: docs, idle: 1h, inbox: 'inbox:<owner>'}"

    private func problems(_ cleanup: String, _ policies: [any Curfew.Policy.Type]) -> [String] {
        do {
            _ = try Configuration.parse(
                "redis: redis://x\ncleanups:\n  \(cleanup)\n", file: "c.yaml", environment: [:],
                policies: KnownPolicies(own: policies))
            return []
        } catch {
            return error.problems.map { "\($0)".readable }
        }
    }

    @Test("one of the program's own is read from its keys, beside those of every cleanup")
    func read() throws {
        let file = try Configuration.parse(
            "redis: redis://x\ncleanups:\n  \(Self.whole)\n", file: "c.yaml", environment: [:],
            policies: KnownPolicies(own: [TidyPolicy.self]))
        let cleanup = try #require(file.cleanups.first)
        #expect(cleanup.kind.rawValue == "tidy-up" && cleanup.policy.meaning == "tidies what nobody touched")
        #expect(cleanup.longestTimeout == .seconds(3_600))
        #expect(Set(cleanup.fields).isSuperset(of: ["status", "touched", "owner", "draft", "cost"]))
        #expect(cleanup.writtenFields == ["status", "draft"] && !cleanup.removesRecords)
        let plan = SlotPlan(cleanup, prefix: "curfew")
        #expect(plan.saga.contains("registry inbox:<owner>") && plan.readOnly == ["key worker:<owner>:alive"])
    }

    @Test(
        "what is wrong with its section is said with file, line and key",
        arguments: [
            (", idle: 1h", ", idle: soon", "c.yaml:3: cleanups.tidy.idle: expected a duration"),
            (", idle: 1h", "", "c.yaml:3: cleanups.tidy.idle: missing, expected a duration"),
            (", idle: 1h", ", idl: 1h", "c.yaml:3: cleanups.tidy.idl: unknown key"),
            ("inbox:<owner>", "<owner>:inbox", "begins with a gap"),
            ("inbox:<owner>", "{curfew}:fence", "one of Curfew's own keys"),
            ("tidy-up", "tidy-upp", "unknown “tidy-upp”, did you mean “tidy-up”?"),
        ])
    func wrong(_ right: String, _ wrong: String, _ message: String) {
        let found = problems(Self.whole.replacing(right, with: wrong), [TidyPolicy.self])
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }

    @Test("all of it at once")
    func several() {
        let cleanup = Self.whole.replacing("idle: 1h", with: "idle: soon").replacing("every: 1h", with: "every: 0")
            .replacing(", inbox: 'inbox:<owner>'", with: "")
        let found = problems(cleanup, [TidyPolicy.self])
        for key in ["idle", "every", "inbox"] {
            #expect(found.contains { $0.contains("cleanups.tidy.\(key):") }, "\(key): \(found)")
        }
    }

    @Test("a policy that gives up without a reason is a problem, and no crash")
    func silent() {
        let found = problems("quiet: {policy: silent, every: 1h, records: 'doc:<id>'}", [Silent.self])
        #expect(found.contains { $0.contains("silent can't be made of this section, and doesn't say why") }, "\(found)")
    }

    @Test("names that are empty, odd, built in or taken are refused, whatever the file says")
    func names() {
        func first(_ policies: any Curfew.Policy.Type...) -> String {
            problems("a: {policy: retention, every: 1h, records: 'a:<id>', since: [t], keep: 1d}", policies).first ?? ""
        }
        #expect(first(Nameless.self).contains("Nameless, is called “”: expected up to 64 lowercase letters"))
        #expect(first(Odd.self).contains("Odd, is called “My Policy”: expected"))
        #expect(first(Stuck.self).contains("Stuck, is called “stuck”, as a built-in one is: expected another name"))
        #expect(first(First.self, Second.self).contains("Second, is called “same”, as another is"))
        #expect(first(Greedy.self).contains("Greedy, has the key “every”, which every cleanup has"))
        #expect(first(First.self) == "")
    }
}
