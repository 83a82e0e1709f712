extension CurfewConfiguration {
    /// A cleanup: a policy, and the records that it is used on.
    ///
    /// What is nil or empty has the default of the file.
    public struct Cleanup: Sendable {
        /// When a cleanup runs.
        public struct Schedule: Sendable {
            fileprivate let key: String
            fileprivate let value: Setting
            fileprivate var timezone: String?

            /// At this interval, at least a second, counted from the schedule.
            public static func every(_ interval: Duration) -> Schedule {
                Schedule(key: "every", value: .duration(interval))
            }

            /// At given times.
            ///
            /// - Parameters:
            ///   - expression: five fields such as `0 4 * * *`, or a name such as `@daily`.
            ///   - timezone: the time zone, such as `Europe/Berlin`; nil for UTC.
            public static func cron(_ expression: String, timezone: String? = nil) -> Schedule {
                Schedule(key: "cron", value: .text(expression), timezone: timezone)
            }
        }

        /// The format of records.
        public struct Format: Sendable, Hashable {
            fileprivate let word: String
            /// Hashes.
            public static let hash = Format(word: "hash")
            /// Strings with one JSON object each.
            public static let json = Format(word: "json")
            /// Plain strings.
            public static let text = Format(word: "text")
        }

        /// The limits of one run; a run that would exceed both is refused before its first write.
        public struct Guard: Sendable {
            fileprivate let setting: Setting
            /// No limits.
            public static let off = Guard(setting: .text("off"))

            /// - Parameters:
            ///   - percent: the share of the tracked records, 0–100; nil for 25.
            ///   - beyond: fewer records than this are never refused; nil for 1,000.
            public static func refuse(percent: Int? = nil, beyond: Int? = nil) -> Guard {
                var keys = SettingKeys()
                keys.add("share", percent.map { "\($0)%" })
                keys.add("beyond", beyond)
                return Guard(setting: keys.setting)
            }
        }

        /// The name: up to 64 letters, digits, `_`, `.` and `-`.
        public var name: String
        /// The policy.
        public var policy: Rule
        /// When it runs.
        public var schedule: Schedule
        /// The keys of the records, such as `job:<id>`; empty if they stand in registries.
        public var records: [String]
        /// The registries in which the records stand, such as `rq:wip:<queue>`.
        public var registries: [String] = []
        /// How a member of a registry reads; nil for `<id>`.
        public var member: String?
        /// The key of a member's record; nil if the member is the record.
        public var record: String?
        /// The application's sorted set: id → deadline in milliseconds; nil if Curfew keeps one.
        public var index: String?
        /// How often the keyspace is scanned for missing ids; nil for an hour without an index, and never with one.
        public var scan: Duration?
        /// The field with the status; nil for `status`.
        public var status: String?
        /// The format of records; nil for hashes.
        public var format: Format?
        /// Whether it is scheduled; it can still be run by hand.
        public var isEnabled = true
        /// Whether every run is a dry run.
        public var isDryRun = false
        /// The most records that one run changes; nil for any number.
        public var limit: Int?
        /// After this time a run stops cleanly, and the next one continues; nil for five minutes.
        public var runTimeout: Duration?
        /// A scheduled run later than this is skipped; nil for never.
        public var misfireGrace: Duration?
        /// How long a run can be undone; nil for one day.
        public var undo: Duration?
        /// Whether removed records are kept for `undo`.
        public var keepsTrash = true
        /// The limits of one run; nil for the default of the policy.
        public var limits: Guard?
        /// Fields that get the time with every change of state.
        public var touch: [String] = []
        /// Fields that are copied into events, warnings and notices.
        public var carry: [String] = []
        /// What people call it, and what it belongs to.
        public var title: String?, category: String?
        /// The address that is called after each successful run.
        public var ping: String?
        /// Further keys of the file, for example the effects of an action: `["fail": ["set": ["error": "<reason>"]]]`.
        public var more: [String: Setting] = [:]

        /// A cleanup of the records under keys of one form.
        ///
        /// - Parameters:
        ///   - name: its name.
        ///   - records: the keys of its records, with a gap: `job:<id>`.
        ///   - interval: the interval of its runs, at least a second.
        ///   - policy: its policy.
        public init(_ name: String, records: String, every interval: Duration, policy: Rule) {
            self.init(name, records: [records], schedule: .every(interval), policy: policy)
        }

        /// A cleanup of the records under keys of these forms, which may be none: then ``registries`` says where they
        /// stand.
        public init(_ name: String, records: [String] = [], schedule: Schedule, policy: Rule) {
            (self.name, self.records, self.schedule, self.policy) = (name, records, schedule, policy)
        }
    }

    /// A policy with its settings.
    public struct Rule: Sendable {
        let name: String
        let settings: Setting.Section

        /// A policy of the program's own, or any other by its name in the file.
        ///
        /// - Parameters:
        ///   - name: the name of the policy.
        ///   - settings: its keys.
        public static func named(_ name: String, _ settings: [String: Setting] = [:]) -> Rule {
            Rule(name: name, settings: settings.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
        }
    }
}

extension CurfewConfiguration.Setting {
    /// Keys with their values, in order.
    typealias Section = [(key: String, value: CurfewConfiguration.Setting)]
}

extension CurfewConfiguration.Cleanup {
    /// The section of the file.
    var setting: CurfewConfiguration.Setting {
        var keys = SettingKeys()
        keys.add("policy", policy.name)
        keys.add(schedule.key, schedule.value)
        keys.add("timezone", schedule.timezone)
        keys.add("records", records)
        keys.add("in", registries)
        keys.add("member", member)
        keys.add("record", record)
        keys.add("index", index)
        keys.add("scan", scan)
        keys.add("status", status)
        keys.add("format", format?.word)
        if !isEnabled { keys.add("enabled", false) }
        if isDryRun { keys.add("dry-run", true) }
        keys.add("limit", limit)
        keys.add("run-timeout", runTimeout)
        keys.add("misfire-grace", misfireGrace)
        keys.add("undo", undo)
        if !keepsTrash { keys.add("trash", "off") }
        keys.add("guard", limits?.setting)
        keys.add("touch", touch)
        keys.add("carry", carry)
        keys.add("title", title)
        keys.add("category", category)
        keys.add("ping", ping)
        for (key, value) in policy.settings { keys.add(key, value) }
        keys.add(more)
        return keys.setting
    }
}
