package import RedisClient

/// The content of `curfew.yaml`, checked and with all defaults.
///
/// It is read as a whole: a file with a problem gives no configuration, and the error lists every problem with its line
/// (see `ConfigurationError`).
package struct Configuration: Sendable {
    /// The Redis server that holds the records and Curfew's own keys.
    package var redis: RedisConfiguration
    /// The prefix of Curfew's own keys, without braces: `curfew`.
    package var prefix: String
    /// How many replicas must confirm a claim before its object is deleted.
    package var minReplicas = 0
    /// The settings of the worker.
    package var worker: Worker
    /// The HTTP settings; nil if the file has none.
    package var http: HTTPSettings?
    /// The names of existing callers, and the cleanups behind them.
    package var routes: RouteNames
    /// The retention of the published streams.
    package var streams: Streams
    /// The buckets of files, in file order.
    package var storage: [StorageConfiguration]
    /// The webhooks, in file order.
    package var webhooks: [Webhook]
    /// The receivers of notices by mail; nil if the file has none.
    package var mail: Mail?
    /// How the program logs.
    package var log = LogSettings()
    /// Where traces and metrics are sent; nil if the file has no such section.
    package var telemetry: TelemetrySettings?
    /// The cleanups, in file order.
    package var cleanups: [Cleanup]
    /// The alerts, in file order.
    package var alerts: [AlertDefinition]
    /// A short hash of the configuration: 16 hexadecimal digits.
    ///
    /// Instances publish it, so that different configurations become visible. Key order, comments, quotes and the
    /// notation of durations don't change it, nor does the Redis URL: secrets aren't part of it.
    package var fingerprint: String
    /// The presets that the file names, with the parameters that it gives them.
    package var presets: [(name: String, parameters: [String: String])] = []
    /// Settings that are probably mistakes, with their places: the warnings of `config check`.
    package var warnings: [ConfigurationError.Problem] = []

    /// The settings of the worker.
    package struct Worker: Sendable, Equatable {
        /// How long a lease lasts without renewal, which is also how long the run of a dead instance waits; at least
        /// 300 ms.
        package var lease: Duration
        /// The longest silence of an idle instance; at least 100 ms.
        package var heartbeat: Duration
        /// How many cleanups one instance runs at the same time, 1…64.
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

    /// The retention of the published streams; they are trimmed approximately, by age and length.
    package struct Streams: Sendable, Equatable {
        /// The age limit of `{curfew}:runs`.
        package var runs: Duration
        /// The age limit of `{curfew}:metrics`.
        package var metrics: Duration
        /// The age limit of `{curfew}:alerts`.
        package var alerts: Duration
        /// The age limit of `{curfew}:events`.
        package var events: Duration
        /// The most entries of each stream.
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

    /// Creates a configuration from its parts, for programs and tests without a file.
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
        // Commands without a key go to the server with Curfew's keys: the time always comes from that server.
        self.redis.homeKey = Keys(prefix: prefix).schedule
    }

    /// The cleanup of this name.
    package func cleanup(named name: String) -> Cleanup? {
        cleanups.first { $0.name == name }
    }
}
