internal import Curfew

/// The promises, each with what is said where it isn't kept.
extension Ledger {
    /// Everything that is not as it must be.
    ///
    /// A primary that is replaced takes writes for a moment that are lost, so that a run may have counted what is done once
    /// more: counts are looked at only of runs that started after that time.
    func violations(countingRunsSince time: Int64) -> [String] {
        oneEventEach + jobs + refunds + generations + archive + locks + files + history
            + intervals + counts(since: time) + unfinished.map { "begun and not finished: \($0)" }
    }

    /// The jobs that the application finished itself.
    private var finished: Set<String> {
        Set(Workload.racing.filter { records["job:\($0)"]?["by"] != nil })
    }

    /// No record is changed twice, none is forgotten, and none is touched that lives.
    private var oneEventEach: [String] {
        var found: [String: [String]] = [:]
        for event in events {
            found["\(event["cleanup"] ?? "")/\(event["record"] ?? "")", default: []].append(event["run"] ?? "")
        }
        var violations: [String] = []
        for cleanup in Workload.cleanups {
            let kept = Set(Workload.kept[cleanup] ?? [])
            for id in Self.ids(of: cleanup) {
                let runs = found.removeValue(forKey: "\(cleanup)/\(id)") ?? []
                let expected = kept.contains(id) || (cleanup == "stuck-jobs" && finished.contains(id)) ? 0 : 1
                guard runs.count != expected else { continue }
                violations.append("\(cleanup) \(id): expected \(expected) events, found \(runs.count) of \(runs)")
            }
            let left = Set(indexes[cleanup] ?? []).intersection(Workload.going[cleanup] ?? [])
            if !left.isEmpty { violations.append("\(cleanup): index entries left for \(left.sorted().prefix(5))") }
        }
        return violations + found.map { "events of \($0.key), which is none of ours: \($0.value)" }
    }

    private var jobs: [String] {
        var violations: [String] = []
        for id in Self.ids(of: "stuck-jobs") {
            let record = records["job:\(id)"] ?? [:]
            let expected: String
            switch id.prefix(while: { $0 != "-" }) {
            case "stuck": expected = "FAILED"
            case "done": expected = "COMPLETED"
            case "retry": expected = "QUEUED"
            case "race": expected = finished.contains(id) ? "COMPLETED" : "FAILED"
            default: expected = "PROCESSING"
            }
            if record["status"] != expected {
                violations.append("job \(id): expected \(expected), found \(record["status"] ?? "nothing")")
            }
            if expected == "QUEUED", record["attempts"] != "1" {
                violations.append("job \(id): expected attempts 1, found \(record["attempts"] ?? "none")")
            }
        }
        let queued = Dictionary(grouping: queue) { $0 }.mapValues(\.count)
        for id in Workload.retried where queued[id] != 1 {
            violations.append("job \(id) is \(queued[id] ?? 0) times on the queue: expected once")
        }
        let strangers = Set(queue).subtracting(Workload.retried)
        if !strangers.isEmpty { violations.append("on the queue, and none of ours: \(strangers.sorted())") }
        return violations
    }

    /// Each charge is paid back once, and balances say the same as ledgers.
    private var refunds: [String] {
        let failed = Self.ids(of: "stuck-jobs").filter { records["job:\($0)"]?["status"] == "FAILED" }
        var violations: [String] = []
        for user in 0..<Workload.users {
            let owed = failed.filter { Workload.user(of: $0) == user }
            let ledger = Dictionary(
                owed.map { ("job:\($0)@\(records["job:\($0)"]?["startedAt"] ?? "")", String(Workload.cost(of: $0))) }
            ) { first, _ in first }
            if ledgers[user] != ledger {
                let names = Set(ledger.keys).symmetricDifference(ledgers[user].keys).sorted()
                violations.append("user \(user): the ledger differs in \(names.prefix(5))")
            }
            let balance = Int64(Workload.balance + owed.reduce(0) { $0 + Workload.cost(of: $1) })
            if balances[user] != balance {
                violations.append("user \(user): expected \(balance) tokens, found \(balances[user])")
            }
        }
        for event in events where event["cleanup"] == "stuck-jobs" {
            let id = event["record"] ?? ""
            let expected = failed.contains(id) ? Workload.cost(of: id) : 0
            if event["tokens"] != String(expected) {
                violations.append("job \(id): its event says \(event["tokens"] ?? "no") tokens, expected \(expected)")
            }
        }
        return violations
    }

    private var generations: [String] {
        Self.ids(of: "generations").compactMap { id in
            let record = records["generation:\(id)"] ?? [:]
            let expected: [String]
            switch id.prefix(while: { $0 != "-" }) {
            case "unmarked": expected = ["completed", "0", "7", "3"]
            case "crashed": expected = ["completed", "0", "4", "6"]
            case "drifted": expected = ["completed", "0", "8", "2"]
            default: expected = ["processing", "5", "5", "0"]
            }
            let found = ["status", "processing", "completed", "failed"].map { record[$0] ?? "" }
            return found == expected ? nil : "generation \(id): expected \(expected), found \(found)"
        }
    }

    private var archive: [String] {
        Self.ids(of: "archive").compactMap { id in
            let isThere = [records["archived:\(id)"]?.isEmpty == false, logs.contains(id)]
            let expected = id.hasPrefix("young")
            return isThere == [expected, expected]
                ? nil : "archived \(id): record and log are \(isThere), expected \(expected) for both"
        }
    }

    private var locks: [String] {
        Self.ids(of: "locks").compactMap { id in
            let isThere = records["lock:\(id)"]?.isEmpty == false
            return isThere == id.hasPrefix("owned") ? nil : "lock \(id) \(isThere ? "is still there" : "is gone")"
        }
    }

    /// No object without a record, no record without an object, and only orphans gone.
    private var files: [String] {
        Self.ids(of: "files").compactMap { id in
            let record = records["file:\(id)"] ?? [:]
            let isThere = [!record.isEmpty, objects.contains(work.object(of: id))]
            let expected = id.hasPrefix("linked")
            if isThere != [expected, expected] {
                return "file \(id): record and object are \(isThere), expected \(expected) for both"
            }
            return expected && record["status"] != nil ? "file \(id) is claimed: \(record["status"] ?? "")" : nil
        }
    }

    /// Every fence that was given has one entry in the history; the last may still be current where a lease ran out at
    /// the very end.
    private var history: [String] {
        Workload.cleanups.flatMap { cleanup in
            let counts = Dictionary(grouping: runs.filter { $0["cleanup"] == cleanup }) { $0.number("fence") }
            return (1...max(1, fences[cleanup] ?? 1)).compactMap { fence -> String? in
                let entries = counts[fence] ?? []
                if entries.count == 1 || (entries.isEmpty && current[cleanup] == fence) { return nil }
                return "\(cleanup)-\(fence): \(entries.count) entries in the history, expected one: "
                    + entries.compactMap { $0["status"] }.joined(separator: ", ")
            }
        }
    }

    /// A run writes after its claim, and before the claim of the next.
    private var intervals: [String] {
        var starts: [String: Int64] = [:]
        for run in runs { starts["\(run["cleanup"] ?? "")-\(run.number("fence"))"] = run.number("started_ms") }
        return events.compactMap { event in
            guard let run = event["run"], let dash = run.lastIndex(of: "-"),
                let fence = Int64(run[run.index(after: dash)...])
            else { return "an event without a run: \(event.fields)" }
            let next = starts["\(run[..<dash])-\(fence + 1)"] ?? .max
            let first = starts[run] ?? 0
            if event.added >= first, event.added <= next { return nil }
            return "\(run) wrote \(event["record"] ?? "") at \(event.added), outside of its time \(first)…\(next)"
        }
    }

    /// What a whole run says that it changed and paid back is what its events say.
    private func counts(since time: Int64) -> [String] {
        runs.filter { $0["status"] == "completed" && $0.number("started_ms") >= time }.compactMap { run in
            let own = events.filter { $0["run"] == run["run"] }
            let tokens = own.reduce(0) { $0 + $1.number("tokens") }
            if run.number("changed") == own.count, run.number("refunded") == tokens { return nil }
            return "\(run["run"] ?? "") counted \(run.number("changed")) changes and \(run.number("refunded")) tokens, "
                + "its events are \(own.count) and \(tokens)"
        }
    }
}
