package import Policies

/// A first `curfew.yaml` with comments, for somebody who begins: one cleanup, or presets.
package struct FirstFile: Sendable {
    /// The address of Redis.
    package var redis = "redis://127.0.0.1:6379/0"
    /// The job systems whose presets are used; if there are any, there is no cleanup.
    package var presets: [String] = []
    /// The policy of the cleanup.
    package var policy = PolicyKind.stuck
    /// Its name; nil: made from the policy and the records.
    package var name: String?
    /// How often it runs.
    package var every: String?
    /// The keys of its records.
    package var records: String?
    /// The field with the state.
    package var status: String?
    /// The states in which the policy looks at a record.
    package var states: [String] = []
    /// The fields with the time from which its age counts.
    package var since: [String] = []
    /// How old a record may become; for a retention how long it is kept.
    package var timeout: String?
    /// The state that it gets then.
    package var to: String?
    /// For a dependent record: the key of what it waits for, and the states of that.
    package var parent: String?, parentStates: [String] = []

    /// Creates one with defaults.
    package init() {}

    /// What is usual for a policy, where nothing is said.
    package struct Usual: Sendable {
        /// The keys, the interval, the states, the field of the time, the age, and the state after it.
        package var records: String, every: String, states: [String], since: String, timeout: String, to: String?
    }

    /// The usual values of the policy.
    package var usual: Usual {
        switch policy {
        case .stuck:
            Usual(
                records: "job:<id>", every: "5m", states: ["RUNNING"], since: "startedAt", timeout: "15m", to: "FAILED")
        case .counters:
            Usual(
                records: "batch:<id>", every: "30m", states: ["processing"], since: "updatedAt", timeout: "1h", to: nil)
        case .locks: Usual(records: "lock:<id>", every: "5m", states: [], since: "acquiredAt", timeout: "1h", to: nil)
        case .paused:
            Usual(
                records: "batch:<id>", every: "1h", states: ["paused"], since: "pausedAt", timeout: "30d",
                to: "cancelled")
        case .dependent:
            Usual(
                records: "plan:<id>", every: "5m", states: ["PENDING"], since: "updatedAt", timeout: "5m", to: "FAILED")
        case .files:
            Usual(records: "file:<id>", every: "1h", states: [], since: "uploadedAt", timeout: "1d", to: nil)
        default:
            Usual(
                records: "job:<id>", every: "1h", states: ["COMPLETED", "FAILED"], since: "finishedAt", timeout: "30d",
                to: nil)
        }
    }

    /// The policies that it can be written for.
    package static let policies = PolicyKind.builtIn

    /// The text of the file; throws every problem that the reader has with it.
    package func text() throws -> String {
        let text = written
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // A password that the environment doesn't have yet is no problem of the file.
        lines.removeAll { $0.hasPrefix("redis-user:") || $0.hasPrefix("redis-password:") }
        _ = try Configuration.parse(lines.joined(separator: "\n"), file: "the new file", environment: [:])
        return text
    }

    private var written: String {
        var text = """
            # The configuration of Curfew. “curfew config check” says what it means, “curfew preview” what a run would do.
            # For an editor that completes and checks: “curfew config schema” prints the JSON Schema.

            \(RedisLines.text(for: redis))

            # The dashboard, the API and the metrics are served with:
            # http: {listen: "127.0.0.1:8470", admin-token: "${CURFEW_ADMIN_TOKEN}"}

            """
        if policy == .files, presets.isEmpty { text += "\n" + Self.storage }
        if !presets.isEmpty {
            let names = presets.map(YAMLText.scalar)
            text += "\n# The cleanups of a well-known job system; “curfew config show” prints them.\n"
            text += names.count == 1 ? "preset: \(names[0])\n" : "preset: [\(names.joined(separator: ", "))]\n"
        }
        text += "\ncleanups:\n"
        text += presets.isEmpty ? cleanup : "  # your own, beside those of the preset\n"
        text += """

            # Told when something is wrong:
            # alerts:
            #   not-running: {cleanup: "*", metric: overdue, above: 1h, severity: critical}
            #   failing: {cleanup: "*", metric: failed, above: 0, over: 3 runs}

            """
        return text
    }

    private static let storage = """
        storage:
          uploads:  # where the objects are
            endpoint: "${S3_ENDPOINT:-http://127.0.0.1:9000}"
            bucket: "${S3_BUCKET:-uploads}"
            access-key: "${S3_ACCESS_KEY:-none}"
            secret-key: "${S3_SECRET_KEY:-none}"

        """
}

extension FirstFile {
    /// The name of the cleanup.
    private var cleanupName: String {
        if let name { return name }
        let words = (records ?? usual.records).split { !$0.isLetter && !$0.isNumber }.map(String.init)
        let noun = words.first { $0 != "id" && $0.first?.isLetter == true && $0.allSatisfy(\.isASCII) } ?? "records"
        let plural = noun.hasSuffix("s") ? noun : noun + "s"
        return switch policy {
        case .stuck, .counters, .dependent: "stuck-\(plural)"
        case .paused: "paused-\(plural)"
        case .retention: "old-\(plural)"
        case .locks: plural == "locks" ? "old-locks" : "\(noun)-locks"
        default: plural
        }
    }

    private var cleanup: String {
        var lines: [(text: String, note: String)] = [
            ("policy: \(policy.rawValue)", "the rule; the others: \(others)"),
            ("every: \(YAMLText.scalar(every ?? usual.every))", "how often it runs"),
            ("records: \(YAMLText.scalar(records ?? usual.records))", "the keys; <id> is the id of a record"),
            ("# dry-run: true", "changes nothing, and says what it would"),
        ]
        if let status, status != "status" {
            lines.append(("status: \(YAMLText.scalar(status))", "the field with the state"))
        }
        let states = states.isEmpty ? usual.states : states
        if !states.isEmpty { lines.append(("states: \(YAMLText.list(states))", "the states in which it is looked at")) }
        lines.append(
            ("since: \(YAMLText.list(since.isEmpty ? [usual.since] : since))", "its age counts from the first of them"))
        lines += own
        return "  \(YAMLText.scalar(cleanupName)):\n" + lines.map { "    \($0.text)  # \($0.note)\n" }.joined()
    }

    private var others: String {
        Self.policies.filter { $0 != policy }.map(\.rawValue).joined(separator: ", ")
    }

    /// What only this policy has.
    private var own: [(text: String, note: String)] {
        let age = YAMLText.scalar(timeout ?? usual.timeout)
        let target = YAMLText.scalar(to ?? usual.to ?? "")
        switch policy {
        case .stuck:
            return [
                ("timeout: \(age)", "more than the longest may take"), ("to: \(target)", "what a stuck record becomes"),
                ("# heartbeat: heartbeatAt", "a field with the last sign of life"),
                ("# alive: worker:<workerId>:alive", "a key that is there while its worker lives"),
                ("# retry: {limit: 2, to: QUEUED, queue: \"jobs:queued\"}", "tried again before it fails"),
                (
                    "# refund: {amount: cost, balance: \"user:<userId>:tokens\", ledger: \"user:<userId>:refunds\"}",
                    "paid back once"
                ),
            ]
        case .counters:
            return [
                ("timeout: \(age)", "after that a group is counted again"), ("total: total", "the number of tasks"),
                (
                    "counters: {queued: queued, processing: processing, completed: completed, failed: failed}",
                    "the names of the fields"
                ),
            ]
        case .locks:
            return [
                ("timeout: \(age)", "more than anybody may hold one"),
                ("# alive: worker:<owner>:alive", "a key that is there while its holder lives"),
            ]
        case .paused:
            let (stale, warn) = marks
            return [
                ("stale: \(stale)", "then it is marked"), ("warn: \(warn)", "then its owner is warned"),
                ("timeout: \(age)", "then it is ended"), ("to: \(target)", "what it becomes"),
            ]
        case .dependent:
            return [
                ("grace: \(age)", "how long it may wait before its parent is looked at"),
                ("parent: \(YAMLText.scalar(parent ?? "job:<jobId>"))", "what it waits for"),
                (
                    "parent-states: \(YAMLText.list(parentStates.isEmpty ? ["QUEUED", "RUNNING"] : parentStates))",
                    "the states in which that may be waited for"
                ), ("to: \(target)", "what it becomes without a parent"),
            ]
        case .files:
            return [
                ("orphan: {unless: ownerId, after: \(age)}", "deleted if this field is empty"),
                ("deleted: {since: deletedAt, after: 7d}", "deleted for good after that"),
                ("storage: uploads", "as above"), ("object: key", "the field with the object's key"),
            ]
        default:
            return [
                ("keep: \(age)", "how long it is kept"),
                ("# also: [\"job:<id>:log\"]", "keys that go with it"),
            ]
        }
    }

    /// When a pause is marked and warned about, before it is ended.
    private var marks: (stale: String, warn: String) {
        guard let timeout, let end = Duration(text: timeout) else { return ("7d", "23d") }
        return ((end / 4).text, (end * 3 / 4).text)
    }
}
