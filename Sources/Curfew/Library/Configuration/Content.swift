extension CurfewConfiguration {
    /// The content of a configuration in code: the sections of the file.
    ///
    /// What is nil or empty has the default of the file, which the configuration reference gives. Every value also has
    /// `more`: keys of the file that have no property here.
    public struct Content: Sendable {
        /// The URL of the Redis that holds the records and Curfew's own keys.
        public var redis: String
        /// The Redis user and its password, if the URL has none.
        public var redisUser: String?, redisPassword: String?
        /// The prefix of Curfew's own keys, 1–64 characters without braces and spaces; nil for `curfew`.
        public var prefix: String?
        /// How many replicas must confirm a claim before its object is deleted, 0–100; nil for 0.
        public var minReplicas: Int?
        /// The worker.
        public var worker = Worker()
        /// How long the published streams are kept.
        public var streams = Streams()
        /// The cleanups.
        public var cleanups: [Cleanup]
        /// Cleanups for well-known job systems.
        public var presets: [Preset] = []
        /// The alerts.
        public var alerts: [Alert] = []
        /// The receivers of notices, at most 16.
        public var webhooks: [Webhook] = []
        /// The buckets of files.
        public var storage: [Storage] = []
        /// Names for several cleanups, at most 100.
        public var routes: [String: [String]] = [:]
        /// Further keys of the file.
        public var more: [String: Setting] = [:]

        /// A content with cleanups; everything else has its default.
        public init(redis: String, cleanups: [Cleanup] = []) {
            self.redis = redis
            self.cleanups = cleanups
        }
    }

    /// The settings of the worker.
    public struct Worker: Sendable {
        /// How long a lease lasts without renewal, at least 300 ms; nil for 15 s.
        public var lease: Duration?
        /// The longest silence of an idle instance, at least 100 ms; nil for 10 s.
        public var heartbeat: Duration?
        /// How many cleanups one instance runs at the same time, 1–64; nil for 4.
        public var concurrency: Int?

        /// The settings; nil means the default.
        public init(lease: Duration? = nil, heartbeat: Duration? = nil, concurrency: Int? = nil) {
            (self.lease, self.heartbeat, self.concurrency) = (lease, heartbeat, concurrency)
        }
    }

    /// How long, and how many, entries of the published streams are kept.
    public struct Streams: Sendable {
        /// The age of runs and of alerts; nil for 30 days.
        public var runs: Duration?, alerts: Duration?
        /// The age of measurements; nil for 7 days.
        public var metrics: Duration?
        /// The age of events, at least the longest `undo` of a cleanup; nil for one day.
        public var events: Duration?
        /// The most entries of each stream, up to 100 million; nil for 100,000.
        public var length: Int?

        /// The retention; nil means the default.
        public init(
            runs: Duration? = nil, metrics: Duration? = nil, alerts: Duration? = nil, events: Duration? = nil,
            length: Int? = nil
        ) {
            (self.runs, self.metrics, self.alerts, self.events) = (runs, metrics, alerts, events)
            self.length = length
        }
    }

    /// The cleanups for a well-known job system, such as `rq` or `sidekiq`.
    public struct Preset: Sendable {
        /// The name of the preset.
        public var name: String
        /// Its parameters, such as `queues`, `prefix`, `timeout` and `keep`.
        public var parameters: [String: Setting]

        /// The preset of that name.
        public init(_ name: String, parameters: [String: Setting] = [:]) {
            (self.name, self.parameters) = (name, parameters)
        }
    }
}

extension CurfewConfiguration.Content {
    /// The sections as a tree, which is read as that of a file is.
    var setting: CurfewConfiguration.Setting {
        var keys = SettingKeys()
        keys.add("redis", redis)
        keys.add("redis-user", redisUser)
        keys.add("redis-password", redisPassword)
        keys.add("prefix", prefix)
        keys.add("min-replicas", minReplicas)
        var part = SettingKeys()
        part.add("lease", worker.lease)
        part.add("heartbeat", worker.heartbeat)
        part.add("concurrency", worker.concurrency)
        keys.add("worker", part)
        part = SettingKeys()
        part.add("runs", streams.runs)
        part.add("metrics", streams.metrics)
        part.add("alerts", streams.alerts)
        part.add("events", streams.events)
        part.add("length", streams.length)
        keys.add("streams", part)
        keys.add("storage", named: storage.map { ($0.name, $0.setting) })
        keys.add("webhooks", named: webhooks.map { ($0.name, $0.setting) })
        let cleanups = cleanups.map { ($0.name, $0.setting) }
        if cleanups.isEmpty, presets.isEmpty {
            keys.add("cleanups", .section([]))
        } else {
            keys.add("cleanups", named: cleanups)
        }
        keys.add("alerts", named: alerts.map { ($0.name, $0.setting) })
        keys.add("routes", named: routes.sorted { $0.key < $1.key }.map { ($0.key, .list($0.value)) })
        keys.add("preset", preset)
        keys.add(more)
        return keys.setting
    }

    private var preset: CurfewConfiguration.Setting? {
        guard !presets.isEmpty else { return nil }
        return .items(
            presets.map { preset in
                guard !preset.parameters.isEmpty else { return .text(preset.name) }
                var keys = SettingKeys()
                keys.add("name", preset.name)
                keys.add(preset.parameters)
                return keys.setting
            })
    }

    /// Reads the tree with all checks of a file.
    func read(_ policies: KnownPolicies) throws(ConfigurationError) -> Configuration {
        let problems = ProblemList(file: "configuration")
        let root = setting.node(path: "", problems)
        do {
            var configuration = try Configuration.read(root, problems, policies: policies)
            configuration.warnings = Self.withoutLines(configuration.warnings)
            return configuration
        } catch {
            throw ConfigurationError(problems: Self.withoutLines(error.problems))
        }
    }

    /// A tree that wasn't read from a text has no lines.
    private static func withoutLines(_ problems: [CurfewError.Problem]) -> [CurfewError.Problem] {
        problems.map { problem in
            var problem = problem
            problem.line = nil
            return problem
        }
    }
}
