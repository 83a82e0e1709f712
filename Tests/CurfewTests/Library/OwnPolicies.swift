import Curfew
import Foundation
import Policies
import Synchronization

/// A policy of a program's own that does what programs do: it reads, asks, writes, puts, takes, discards, pays back.
struct TidyPolicy: Curfew.Policy {
    static let name = "tidy-up"
    static let keys = ["idle", "inbox"]

    let idle: Duration
    let inbox: PolicyTemplate
    let alive: PolicyTemplate
    let log: PolicyTemplate
    let refund: PolicyRefund?

    init?(reading section: PolicySection) throws {
        let idle = section.duration("idle", required: true)
        let inbox = section.writtenTemplate("inbox", required: true)
        guard let idle, let inbox else { return nil }
        (self.idle, self.inbox) = (idle, inbox)
        alive = try PolicyTemplate("worker:<owner>:alive")
        log = try PolicyTemplate("doc:<id>:log")
        refund = PolicyRefund(
            amount: "cost", since: "touched", balance: try PolicyTemplate("user:<owner>:tokens"),
            ledger: try PolicyTemplate("user:<owner>:refunds"))
    }

    var meaning: String { "tidies what nobody touched" }
    var timeout: Duration { idle }
    var reads: [PolicyRead] { [.field("status"), .field("touched"), .field("owner"), .exists(alive)] }
    var writes: [PolicyWrite] { [.field("status"), .field("draft"), .list(inbox), .key(log)] }

    func verdict(on record: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict {
        guard record["status"] != "tidy" else { return .drop(because: "it is tidy") }
        guard let touched = try record.time("touched") else { throw PolicyError("touched is missing") }
        guard now >= touched + record.timeout else {
            return .leave(until: touched + record.timeout, because: "touched lately")
        }
        let sign = try alive.key(for: record)
        guard let lives = try record.exists(sign) else { return .ask([.exists(sign)]) }
        if lives { return .leave(until: nil, because: "its owner lives") }
        var effects: [PolicyEffect] = [
            .set("status", to: "tidy"), .unset("draft"), .append(record.id, toList: try inbox.key(for: record)),
            .discard(try log.key(for: record)),
        ]
        if record["cost"] != nil { effects.append(.refund) }
        return .change(
            PolicyChange(
                .reset, reason: "nobody touched it", guards: record.unchanged("touched") + [.absent(sign)],
                effects: effects, from: record["status"] ?? "", to: "tidy", age: now - touched, limit: record.timeout))
    }
}

/// A policy that does whatever the record's field `does` says: mostly what no policy should.
///
/// Suites have types of their own, as a verdict that doesn't come back holds the thread of its type.
protocol WrongPolicy: Curfew.Policy {
    init()
    /// What keeps its endless verdicts from ending.
    static var gate: PolicyGate { get }
}

extension WrongPolicy {
    init?(reading section: PolicySection) throws {
        self.init()
    }

    var reads: [PolicyRead] {
        [.field("does"), .field("status")] + ((try? PolicyTemplate("declared:a")).map { [.exists($0)] } ?? [])
    }
    var writes: [PolicyWrite] {
        let keys = ["inbox:<id>", "text:<id>", "doc:<id>"].compactMap { try? PolicyTemplate($0) }
        return [.field("status"), .list(keys[0]), .string(keys[1]), .key(keys[2]), .key(keys[0])]
    }

    func verdict(on record: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict {
        let unchanged = record.unchanged("does")
        func change(_ guards: [PolicyGuard], _ effects: PolicyEffect...) -> PolicyVerdict {
            .change(PolicyChange(.mark, reason: "wrong", guards: guards, effects: effects))
        }
        if let verdict = beyond(record, change) { return verdict }
        switch record["does"] ?? "" {
        case "throw nothing": throw PolicyError("")
        case "throw": throw PolicyError("this is what is wrong with it")
        case "throw anything": throw CancellationError()
        case "never end":
            Self.gate.wait()
            return .leave(until: nil, because: "it came back")
        case "ask for ever": return .ask([.exists("declared:a")])
        case "ask nothing": return .ask([])
        case "ask elsewhere": return .ask([.exists("undeclared:a")])
        case "no guards": return change([], .set("status", to: "x"))
        case "no effects": return change(unchanged)
        case "undeclared field": return change(unchanged, .set("other", to: "x"))
        case "undeclared key": return change(unchanged, .append("x", toList: "undeclared:a"))
        case "undeclared guard": return change([.absent("undeclared:a")], .set("status", to: "x"))
        case "removal": return change(unchanged, .remove)
        case "refund": return change(unchanged, .refund)
        case "own key": return change(unchanged + [.absent("{curfew}:fence")], .set("status", to: "x"))
        case "look": return .leave(until: nil, because: record["other"] ?? "nothing")
        case "twice": return change(unchanged, .set("status", to: "x"), .set("status", to: "y"))
        case "old news": return change([.field("status", equals: "never so")], .set("status", to: "x"))
        default: return change(unchanged, .set("status", to: "done"))
        }
    }
}

extension WrongPolicy {
    /// Effects that can't be as they are.
    private func beyond(
        _ record: PolicyRecord, _ change: ([PolicyGuard], PolicyEffect...) -> PolicyVerdict
    ) -> PolicyVerdict? {
        let unchanged = record.unchanged("does")
        let (inbox, text) = ("inbox:\(record.id)", "text:\(record.id)")
        let add = PolicyEffect.append("x", toList: inbox)
        switch record["does"] ?? "" {
        case "only add": return change(unchanged, add)
        case "add once": return change([.absent("x", from: inbox)], add)
        case "add once, later":
            Self.gate.wait()
            return change([.absent("x", from: inbox)], add)
        case "add, and set the same": return change(unchanged, add, .set("status", to: record["status"] ?? ""))
        case "add to another's": return change(unchanged, .append("x", toList: "inbox:of-another"))
        case "write twice": return change(unchanged, .write("x", to: text), .write("y", to: text))
        case "take twice": return change(unchanged, .take("x", outOf: inbox), .take("x", outOf: inbox))
        case "discard what it writes": return change(unchanged, add, .discard(inbox))
        case "discard itself": return change(unchanged, .discard("doc:\(record.id)"))
        case "call it removed":
            return .change(
                PolicyChange(.remove, reason: "", guards: unchanged, effects: [.set("status", to: "y")]))
        case "keep for ages": return change(unchanged, .write("x", to: text, keptFor: .seconds(Int64.max)))
        case "write too much":
            return change(unchanged, .set("status", to: String(repeating: "x", count: (64 << 20) + 1)))
        case "say much":
            let much = String(repeating: "x", count: 100_000)
            return .change(
                PolicyChange(
                    .mark, reason: much, guards: unchanged, effects: [.set("status", to: "y")], from: much, to: much))
        default: return nil
        }
    }
}

/// What a verdict waits at; a test opens it at its end, so that no thread is left behind.
final class PolicyGate: Sendable {
    private let isOpen = Mutex(false)
    private let isAwaited = Mutex(false)

    /// Whether a verdict waits, or has waited.
    var hasVisitor: Bool { isAwaited.withLock { $0 } }

    func open() { isOpen.withLock { $0 = true } }

    /// Waits as a policy does that never ends: nothing cancels it.
    ///
    /// It leaves the processors to other tests.
    func wait() {
        isAwaited.withLock { $0 = true }
        while !isOpen.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.001) }
    }
}
