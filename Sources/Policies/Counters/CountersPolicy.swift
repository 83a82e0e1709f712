/// A group of tasks, kept as counters on one record: closed when its tasks are through, put right when the counters
/// can't be true, left (or failed) when tasks are still active past the time.
package struct CountersPolicy: Policy {
    /// The fields that hold the counters.
    package struct Counters: Sendable, Equatable {
        /// Tasks that wait; of an application that counts down, all that haven't ended.
        package var queued: String
        /// Tasks being worked on; nil where the application counts down.
        package var processing: String?
        /// Tasks that succeeded; nil where the application counts down.
        package var completed: String?
        /// Tasks that didn't.
        package var failed: String

        /// Makes it; each field is called what it counts, unless told otherwise.
        package init(
            queued: String = "queued", processing: String = "processing", completed: String = "completed",
            failed: String = "failed"
        ) {
            self.queued = queued
            self.processing = processing
            self.completed = completed
            self.failed = failed
        }

        /// Makes it for an application that counts down: what is neither pending nor failed was completed.
        package init(pending: String, failed: String) {
            queued = pending
            self.failed = failed
        }

        /// All of them.
        var fields: [String] { [queued, processing, completed, failed].compactMap(\.self) }
    }

    /// Where the tasks themselves can be counted.
    package struct Members: Sendable, Equatable {
        /// What kind of key holds their ids.
        package var collection: GroupMembers.Collection
        /// That key.
        package var key: KeyTemplate
        /// The record of each; `<id>` is the member.
        package var record: KeyTemplate
        /// Whether the records are strings of JSON instead of hashes.
        package var isJSON: Bool
        /// The field of the record with the task's status.
        package var status: String
        /// What a waiting task's status may be.
        package var queued: [String]
        /// What an active task's status may be.
        package var processing: [String]
        /// What a successful task's status may be.
        package var completed: [String]
        /// What a failed task's status may be.
        package var failed: [String]

        /// Makes it.
        package init(
            _ collection: GroupMembers.Collection = .set, _ key: KeyTemplate, record: KeyTemplate,
            isJSON: Bool = false, status: String = "status", queued: [String] = ["queued"],
            processing: [String] = ["processing"], completed: [String] = ["completed"], failed: [String] = ["failed"]
        ) {
            self.collection = collection
            self.key = key
            self.record = record
            self.isJSON = isJSON
            self.status = status
            self.queued = queued
            self.processing = processing
            self.completed = completed
            self.failed = failed
        }
    }

    /// ``PolicyKind/counters``.
    package static let kind = PolicyKind.counters

    let scope: Scope
    /// What a record's age counts from.
    package let since: Start
    let timeout: Duration
    let total: String
    let counters: Counters
    /// Where the tasks themselves can be counted; nil: nowhere.
    package let members: Members?
    let completedTo: String
    let failedTo: String
    let stalledFails: Bool
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the configured timeout for one run; nil leaves it.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    package init(
        status: String = "status", states: [String], since: Start, timeout: Duration, total: String,
        counters: Counters, members: Members? = nil, completedTo: String = "completed", failedTo: String = "failed",
        stalledFails: Bool = false, timeoutOverride: Duration? = nil
    ) {
        scope = Scope(field: status, states: states, final: [completedTo, failedTo])
        self.since = since
        self.timeout = timeout
        self.total = total
        self.counters = counters
        self.members = members
        self.completedTo = completedTo
        self.failedTo = failedTo
        self.stalledFails = stalledFails
        self.timeoutOverride = timeoutOverride
        fields = unique([status] + since.fields + [total] + counters.fields + (members?.key.fields ?? []))
    }

    /// The timeout, or the override.
    package var longestTimeout: Duration { timeoutOverride ?? timeout }

    /// The fields of the record that a change may write.
    package var writtenFields: [String] { unique([scope.field] + counters.fields) }

    /// The states that are looked at.
    package var activeStates: [String]? { scope.states }
}

/// What it looks at beside its records.
extension CountersPolicy {
    /// What it does, in words.
    package var meaning: String { "closes groups of tasks after \(longestTimeout.text), and corrects their counters" }

    /// The members of a group, and the record of each.
    package var reads: [KeyUse] {
        guard let members else { return [] }
        let listing: [[String]] =
            switch members.collection {
            case .set: [["SCARD"], ["SMEMBERS"]]
            case .list: [["LLEN"], ["LRANGE", "0", "1"]]
            case .zset: [["ZCARD"], ["ZRANGE", "0", "1"]]
            case .hash: [["HLEN"], ["HKEYS"]]
            }
        return [
            KeyUse(.members, members.key, listing + [["TYPE"]]),
            KeyUse(.member, members.record, [members.isJSON ? ["GET"] : ["HGET", "a"], ["TYPE"]]),
        ]
    }
}
