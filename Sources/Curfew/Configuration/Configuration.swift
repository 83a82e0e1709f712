package import RedisClient

/// What `curfew.yaml` says, checked and with every default filled in.
///
/// It is read once, as a whole: a file with any problem gives no configuration at all, and the error names every problem
/// with its line (see `ConfigurationError`).
package struct Configuration: Sendable {
    /// The Redis server that holds the records and Curfew's own keys.
    package var redis: RedisConfiguration
    /// The word in braces that all of Curfew's own keys start with, itself without braces: `curfew`.
    package var prefix: String
    /// How many replicas must know of a claim before its object is deleted.
    package var minReplicas = 0
    /// How this instance takes part.
    package var worker: Worker
    /// How it answers on HTTP; nil where the file doesn't say that it does.
    package var http: HTTPSettings?
    /// What the names stand for that existing callers use.
    package var routes: RouteNames
    /// How long the published streams are kept.
    package var streams: Streams
    /// The buckets that files are in, in the order of the file.
    package var storage: [StorageConfiguration]
    /// Who is told what happens, in the order of the file.
    package var webhooks: [Webhook]
    /// The cleanups in the order of the file.
    package var cleanups: [Cleanup]
    /// The alerts in the order of the file.
    package var alerts: [AlertDefinition]
    /// A short name of what the file means: 16 hexadecimal digits.
    ///
    /// Instances publish it, so that a person sees when two of them run different configurations. Order of keys, comments,
    /// quoting and the way a duration is written don't change it, and neither does the Redis URL: secrets have no part in it.
    package var fingerprint: String
    /// What the file says and can hardly mean, each with its place: warnings of `config check`.
    package var warnings: [ConfigurationError.Problem] = []

    /// How an instance takes part in the work.
    package struct Worker: Sendable, Equatable {
        /// How long the right to run a cleanup lasts without renewal, and a dead instance's run waits; at least 300 ms.
        package var lease: Duration
        /// The longest silence of an idle instance; at least 100 ms.
        package var heartbeat: Duration
        /// How many cleanups one instance runs at once, 1…64.
        package var concurrency: Int

        /// The defaults are those of the file.
        package init(
            lease: Duration = .seconds(15),
            heartbeat: Duration = .seconds(10),
            concurrency: Int = 4
        ) {
            self.lease = lease
            self.heartbeat = heartbeat
            self.concurrency = concurrency
        }
    }

    /// How long the entries of the published streams are kept; trimmed approximately, by age and by length.
    package struct Streams: Sendable, Equatable {
        /// Age of entries in `{curfew}:runs`.
        package var runs: Duration
        /// Age of entries in `{curfew}:metrics`.
        package var metrics: Duration
        /// Age of entries in `{curfew}:alerts`.
        package var alerts: Duration
        /// Age of entries in `{curfew}:events`.
        package var events: Duration
        /// The most entries any of them keeps.
        package var length: Int

        /// The defaults are those of the file.
        package init(
            runs: Duration = .seconds(30 * 86_400),
            metrics: Duration = .seconds(7 * 86_400),
            alerts: Duration = .seconds(30 * 86_400),
            events: Duration = .seconds(86_400),
            length: Int = 100_000
        ) {
            self.runs = runs
            self.metrics = metrics
            self.alerts = alerts
            self.events = events
            self.length = length
        }
    }

    /// A configuration from its parts, for programs and tests that have no file.
    package init(
        redis: RedisConfiguration,
        prefix: String = "curfew",
        worker: Worker = Worker(),
        http: HTTPSettings? = nil,
        routes: RouteNames = RouteNames(),
        streams: Streams = Streams(),
        storage: [StorageConfiguration] = [],
        webhooks: [Webhook] = [],
        cleanups: [Cleanup] = [],
        alerts: [AlertDefinition] = [],
        fingerprint: String = ""
    ) {
        self.redis = redis
        self.prefix = prefix
        self.worker = worker
        self.http = http
        self.routes = routes
        self.streams = streams
        self.storage = storage
        self.webhooks = webhooks
        self.cleanups = cleanups
        self.alerts = alerts
        self.fingerprint = fingerprint
        // What has no key of its own goes where Curfew's keys are: the time is always that of one server.
        self.redis.homeKey = Keys(prefix: prefix).schedule
    }

    /// The cleanup of this name.
    package func cleanup(named name: String) -> Cleanup? {
        cleanups.first { $0.name == name }
    }
}
