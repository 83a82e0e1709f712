extension CurfewConfiguration.Rule {
    fileprivate init(_ name: String, _ keys: SettingKeys, _ more: [String: CurfewConfiguration.Setting]) {
        var keys = keys
        keys.add(more)
        self.init(name: name, settings: keys.entries)
    }

    /// Records that are stuck are retried or failed, and their charges refunded.
    public static func stuck(_ rule: CurfewConfiguration.Stuck) -> CurfewConfiguration.Rule {
        .init("stuck", rule.keys, rule.more)
    }

    /// Groups of tasks whose counters don't add up are recounted and closed.
    public static func counters(_ rule: CurfewConfiguration.Counters) -> CurfewConfiguration.Rule {
        .init("counters", rule.keys, rule.more)
    }

    /// Locks whose holders are gone are released.
    public static func locks(_ rule: CurfewConfiguration.Locks) -> CurfewConfiguration.Rule {
        .init("locks", rule.keys, rule.more)
    }

    /// Records that were paused and forgotten are marked, warned about and at last ended.
    public static func paused(_ rule: CurfewConfiguration.Paused) -> CurfewConfiguration.Rule {
        .init("paused", rule.keys, rule.more)
    }

    /// Records that wait for a parent that is gone, or in another state, are ended.
    public static func dependent(_ rule: CurfewConfiguration.Dependent) -> CurfewConfiguration.Rule {
        .init("dependent", rule.keys, rule.more)
    }

    /// Old records are removed.
    public static func retention(_ rule: CurfewConfiguration.Retention) -> CurfewConfiguration.Rule {
        .init("retention", rule.keys, rule.more)
    }

    /// Files without an owner, and deleted ones, are deleted from storage and from Redis.
    public static func files(_ rule: CurfewConfiguration.Files) -> CurfewConfiguration.Rule {
        .init("files", rule.keys, rule.more)
    }
}

extension CurfewConfiguration {
    /// The settings of the policy `stuck`.
    public struct Stuck: Sendable {
        /// The states in which a record can be stuck; empty where standing in a registry is the state.
        public var states: [String]
        /// What its age counts from.
        public var since: Start
        /// The field with its last sign of life.
        public var heartbeat: String?
        /// How old it may become.
        public var timeout: Limit
        /// Rules by type.
        public var types: Types?
        /// Past this age it is stuck whatever shows that it is alive.
        public var maxAge: Duration?
        /// What shows that its worker is alive.
        public var alive: SignOfLife?
        /// A field that is present once the work is finished, and the status of such a record.
        public var completedWhen: String?, completedTo: String?
        /// When it is tried again.
        public var retry: Retry?
        /// The status of a failed record; nil if effects in ``more`` write it.
        public var to: String?
        /// What is paid back for a failed record.
        public var refund: Refund?
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A rule for records in these states.
        public init(
            states: [String] = [], since: Start, timeout: Limit, to: String? = nil, retry: Retry? = nil,
            refund: Refund? = nil
        ) {
            (self.states, self.since, self.timeout, self.to) = (states, since, timeout, to)
            (self.retry, self.refund) = (retry, refund)
        }

        fileprivate var keys: SettingKeys {
            var keys = SettingKeys()
            keys.add("states", states)
            keys.add("since", since.setting)
            keys.add("heartbeat", heartbeat)
            keys.add("timeout", timeout.setting)
            keys.add("types", types?.setting)
            keys.add("max-age", maxAge)
            keys.add("alive", alive?.setting)
            keys.add("completed-when", completedWhen)
            keys.add("completed-to", completedTo)
            keys.add("retry", retry?.setting)
            keys.add("to", to)
            keys.add("refund", refund?.setting)
            return keys
        }
    }

    /// The settings of the policy `counters`.
    public struct Counters: Sendable {
        /// The states in which a group is checked.
        public var states: [String]
        /// What its age counts from, and the age from which it is checked.
        public var since: Start, timeout: Duration
        /// The field with the number of tasks.
        public var total: String
        /// The fields with the counts, by what they count: `queued`, `processing`, `completed` and `failed`, or
        /// `pending` and `failed`.
        public var counters: [String: String]
        /// Where the tasks can be counted, as in the file: `["set": "batch:<id>:tasks", "record": "task:<id>"]`.
        public var members: [String: Setting] = [:]
        /// The statuses of a completed group, and of one without completed tasks; nil for `completed` and `failed`.
        public var completedTo: String?, failedTo: String?
        /// Whether a group with active tasks is failed; otherwise it is left.
        public var failsStalled = false
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A rule for groups in these states.
        public init(
            states: [String], since: Start, timeout: Duration, total: String, counters: [String: String]
        ) {
            (self.states, self.since, self.timeout) = (states, since, timeout)
            (self.total, self.counters) = (total, counters)
        }

        fileprivate var keys: SettingKeys {
            var keys = SettingKeys()
            keys.add("states", states)
            keys.add("since", since.setting)
            keys.add("timeout", timeout)
            keys.add("total", total)
            var inner = SettingKeys()
            inner.add(counters.mapValues { .text($0) })
            keys.add("counters", inner)
            inner = SettingKeys()
            inner.add(members)
            keys.add("members", inner)
            keys.add("completed-to", completedTo)
            keys.add("failed-to", failedTo)
            if failsStalled { keys.add("stalled", "fail") }
            return keys
        }
    }

    /// The settings of the policy `locks`.
    public struct Locks: Sendable {
        /// When a lock was acquired; nil if its age counts from when it was first seen.
        public var since: Start?
        /// How old it may become.
        public var timeout: Limit
        /// Past this age it is released although its holder is alive.
        public var maxAge: Duration?
        /// What shows that its holder is alive.
        public var alive: SignOfLife?
        /// Whether locks that expire by themselves are judged as well, without `since`.
        public var judgesExpiring = false
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A rule for locks.
        public init(since: Start? = nil, timeout: Limit, alive: SignOfLife? = nil) {
            (self.since, self.timeout, self.alive) = (since, timeout, alive)
        }

        fileprivate var keys: SettingKeys {
            var keys = SettingKeys()
            keys.add("since", since?.setting)
            keys.add("timeout", timeout.setting)
            keys.add("max-age", maxAge)
            keys.add("alive", alive?.setting)
            if judgesExpiring { keys.add("expiring", "judge") }
            return keys
        }
    }

    /// The settings of the policy `paused`.
    public struct Paused: Sendable {
        /// The states in which a record is paused.
        public var states: [String]
        /// When it was paused.
        public var since: Start
        /// After how long it is marked as stale, its owner is warned, and it is ended; nil for 7, 23 and 30 days.
        public var stale: Duration?, warn: Duration?, timeout: Duration?
        /// The status of a record that is ended; nil for `cancelled`.
        public var to: String?
        /// A field that keeps a record from all of this if it is set.
        public var unless: String?
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A rule for records in these states.
        public init(
            states: [String], since: Start, stale: Duration? = nil, warn: Duration? = nil, timeout: Duration? = nil
        ) {
            (self.states, self.since) = (states, since)
            (self.stale, self.warn, self.timeout) = (stale, warn, timeout)
        }

        fileprivate var keys: SettingKeys {
            var keys = SettingKeys()
            keys.add("states", states)
            keys.add("since", since.setting)
            keys.add("stale", stale)
            keys.add("warn", warn)
            keys.add("timeout", timeout)
            keys.add("to", to)
            keys.add("unless", unless)
            return keys
        }
    }

    /// The settings of the policy `dependent`.
    public struct Dependent: Sendable {
        /// The states in which a record waits for its parent.
        public var states: [String]
        /// What its age counts from.
        public var since: Start
        /// How long it may wait before its parent is checked; nil for five minutes.
        public var grace: Duration?
        /// The hash of its parent, such as `job:<jobId>`, and the states of a parent that it may wait for.
        public var parent: String, parentStates: [String]
        /// The status of a record whose parent is gone or in another state.
        public var to: String
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A rule for records in these states.
        public init(states: [String], since: Start, parent: String, parentStates: [String], to: String) {
            (self.states, self.since, self.parent) = (states, since, parent)
            (self.parentStates, self.to) = (parentStates, to)
        }

        fileprivate var keys: SettingKeys {
            var keys = SettingKeys()
            keys.add("states", states)
            keys.add("since", since.setting)
            keys.add("grace", grace)
            keys.add("parent", parent)
            keys.add("parent-states", parentStates)
            keys.add("to", to)
            return keys
        }
    }

    /// The settings of the policy `retention`.
    public struct Retention: Sendable {
        /// The states in which a record may be removed; empty for any.
        public var states: [String]
        /// What its age counts from.
        public var since: Start
        /// How long it is kept.
        public var keep: Limit
        /// Rules by type.
        public var types: Types?
        /// Keys that are removed with it, such as `job:<id>:log`.
        public var also: [String] = []
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A rule for records in these states.
        public init(states: [String] = [], since: Start, keep: Limit, also: [String] = []) {
            (self.states, self.since, self.keep, self.also) = (states, since, keep, also)
        }

        fileprivate var keys: SettingKeys {
            var keys = SettingKeys()
            keys.add("states", states)
            keys.add("since", since.setting)
            keys.add("keep", keep.setting)
            keys.add("types", types?.setting)
            keys.add("also", also)
            return keys
        }
    }

    /// The settings of the policy `files`; at least one of ``orphanUnless`` and ``deletedSince`` is needed.
    public struct Files: Sendable {
        /// When a file was uploaded; needed for orphans.
        public var since: Start?
        /// The owner of a file: it is an orphan if this field is absent or empty.
        public var orphanUnless: String?
        /// How long a file may have no owner; nil for one day.
        public var orphanAfter: Duration?
        /// When a file was deleted, and how long it can be restored; nil for seven days.
        public var deletedSince: String?, deletedAfter: Duration?
        /// The name of the storage with the objects.
        public var storage: String
        /// The object's key: a field, or a template such as `store/<key>`.
        public var object: String
        /// The field with its size in bytes, to count freed bytes.
        public var size: String?
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A rule for the files of a storage.
        public init(storage: String, object: String, since: Start? = nil) {
            (self.storage, self.object, self.since) = (storage, object, since)
        }

        fileprivate var keys: SettingKeys {
            var keys = SettingKeys()
            keys.add("since", since?.setting)
            var inner = SettingKeys()
            inner.add("unless", orphanUnless)
            inner.add("after", orphanAfter)
            keys.add("orphan", inner)
            inner = SettingKeys()
            inner.add("since", deletedSince)
            inner.add("after", deletedAfter)
            keys.add("deleted", inner)
            keys.add("storage", storage)
            keys.add("object", object)
            keys.add("size", size)
            return keys
        }
    }
}
