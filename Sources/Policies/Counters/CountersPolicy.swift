/// A group of tasks, kept as counters on one record: closed when its tasks are through, put right when the counters
/// can't be true, left (or failed) when tasks are still active past the time.
package struct CountersPolicy: Policy {
    /// The fields that hold the counters.
    package struct Counters: Sendable, Equatable {
        /// Tasks that wait.
        package var queued: String
        /// Tasks being worked on.
        package var processing: String
        /// Tasks that succeeded.
        package var completed: String
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
    }

    /// Where the tasks themselves can be counted.
    package struct Members: Sendable, Equatable {
        /// The set that holds their ids.
        package var set: KeyTemplate
        /// The hash of each; `<id>` is the member.
        package var record: KeyTemplate
        /// The field of that hash with the task's status.
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
            set: KeyTemplate, record: KeyTemplate, status: String = "status", queued: [String] = ["queued"],
            processing: [String] = ["processing"], completed: [String] = ["completed"], failed: [String] = ["failed"]
        ) {
            self.set = set
            self.record = record
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
    let since: [String]
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

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    package init(
        status: String = "status", states: [String], since: [String], timeout: Duration, total: String,
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
        let counted = [total, counters.queued, counters.processing, counters.completed, counters.failed]
        fields = unique([status] + since + counted + (members?.set.fields ?? []))
    }

    /// The timeout, or the override.
    package var longestTimeout: Duration { timeoutOverride ?? timeout }

    /// The states that are looked at.
    package var activeStates: [String]? { scope.states }
}
