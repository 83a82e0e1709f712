internal import Curfew
internal import Foundation
internal import Logging
internal import RedisClient

/// The content of `/metrics`.
struct Exposition: Sendable {
    let service: AdminService
    let runs = RunMetrics()

    private var registry: Registry { service.registry }

    /// The text of one scrape.
    ///
    /// If Redis is unreachable, the text says so and contains only what this process measures.
    func text() async -> String {
        var text = PrometheusText()
        addBuild(to: &text)
        await addFleet(to: &text)
        registry.write(to: &text, help: Self.help)
        return text.text
    }

    /// Adds what this process is and measures.
    func addProcess(to writer: inout some MetricsWriter) {
        addBuild(to: &writer)
        registry.write(to: &writer, help: Self.help)
    }

    /// Adds what Redis knows of all instances, or that Redis doesn't answer.
    func addFleet<Writer: MetricsWriter>(to writer: inout Writer) async {
        let engine = service.engine
        do {
            // Prometheus waits ten seconds by default, so an unreachable Redis must be detected much sooner.
            _ = try await engine.redis.send(RedisCommand("PING"), deadline: Self.patience)
            var whole = writer
            try await add(engine, to: &whole)
            writer = whole
        } catch {
            engine.logger.warning("the metrics from Redis are missing", metadata: ["error": "\(error)"])
            writer.add("curfew_redis_up", .gauge, Self.redisHelp, [([], 0)])
        }
    }

    private func addBuild(to writer: inout some MetricsWriter) {
        let engine = service.engine
        writer.add(
            "curfew_build_info", .gauge, "The version and the configuration of this instance.",
            [
                (
                    [
                        ("version", CurfewVersion.current), ("configuration", engine.configuration.fingerprint),
                        ("instance_id", engine.instance.id),
                    ], 1
                )
            ])
    }

    /// The help texts of what this process measures.
    private static let help = RequestMeasurement.help.merging(TelemetryService.help) { own, _ in own }

    /// How long Redis may take to answer the first command.
    private static let patience = Duration.seconds(2)
    private static let redisHelp = "Whether Redis answers this instance."

    private func add(_ engine: Engine, to text: inout some MetricsWriter) async throws {
        let begin = ContinuousClock.now
        let status = try await Status.read(engine)
        let trip = begin.duration(to: .now)
        let counts = try await runs.counts(engine)
        let fences = try await fences(engine)
        let firing = try await service.firing()
        let notices = try await NoticeBacklog.all(engine)
        text.add("curfew_redis_up", .gauge, Self.redisHelp, [([], 1)])
        text.add(
            "curfew_redis_status_seconds", .gauge, "Time to read schedule, leases and instances from Redis.",
            [([], trip / .seconds(1))])
        let names = Self.names(status, counts, fences)
        let series = NamedSeries(names)
        text.add(
            "curfew_cleanups_without_series", .gauge,
            "Cleanups that have no series of their own here; their counters are summed up as “other”.",
            [([], Double(names.count { !series.has($0) }))])
        add(status.cleanups.filter { series.has($0.name) }, to: &text)
        add(status.instances, counts.instances, to: &text)
        text.add(
            "curfew_leases_total", .counter, "Leases granted.",
            fences.map { ([("cleanup", series.label($0.0))], $0.1) })
        text.add(
            "curfew_alert_firing", .gauge, "Alerts that are firing.",
            Self.first(firing).map { ([("alert", $0.alert), ("cleanup", $0.cleanup), ("severity", $0.severity)], 1) })
        add(notices, to: &text)
        text.add(counts, series)
    }

    /// All cleanups: those of the file in its order, then all others.
    private static func names(
        _ status: Status, _ counts: RunMetrics.Counts, _ fences: [(String, Double)]
    ) -> [String] {
        let configured = status.cleanups.filter { $0.policy != nil }.map(\.name)
        let known = Set(configured)
        let others = Set(status.cleanups.map(\.name) + counts.runs.keys.map { $0[0] } + fences.map(\.0))
        return configured + others.subtracting(known).sorted()
    }

    /// The firing alerts, critical ones first if there are too many.
    private static func first(_ firing: [FiringAlert]) -> some Sequence<FiringAlert> {
        let critical = firing.filter { $0.severity == Concern.Severity.critical.rawValue }
        let all =
            firing.count <= NamedSeries.mostAlerts
            ? firing : critical + firing.filter { $0.severity != Concern.Severity.critical.rawValue }
        return all.prefix(NamedSeries.mostAlerts)
    }

    private func add(_ cleanups: [Status.CleanupStatus], to text: inout some MetricsWriter) {
        func each(_ value: (Status.CleanupStatus) -> Double?) -> [(labels: MetricLabels, value: Double)] {
            cleanups.compactMap { cleanup in value(cleanup).map { ([("cleanup", cleanup.name)], $0) } }
        }
        text.add(
            "curfew_cleanup_state", .gauge, "The state of each cleanup, for example due or waiting.",
            cleanups.map { ([("cleanup", $0.name), ("policy", $0.policy ?? ""), ("state", $0.state)], 1) })
        text.add(
            "curfew_cleanup_due_in_seconds", .gauge,
            "Time until a cleanup is due or its lease ends; negative if late.",
            each { $0.inMs.map { Double($0) / 1_000 } })
        text.add(
            "curfew_cleanup_tracked_records", .gauge, "Records in the index.", each { $0.tracked.map(Double.init) })
        text.add(
            "curfew_cleanup_backlog_records", .gauge, "Records in the index that are due.",
            each { $0.backlog.map(Double.init) })
        text.add(
            "curfew_cleanup_progress_ratio", .gauge, "Progress of the current run.",
            each { $0.progress.map { Double($0) / 100 } })
        text.add(
            "curfew_scan_progress_ratio", .gauge, "Progress of the scan for records that the index lacks.",
            each { $0.scan.map { Double($0.percent) / 100 } })
        text.add(
            "curfew_scan_due_in_seconds", .gauge, "Time until the next scan is due; negative if late.",
            each { $0.scan?.nextInMs.map { Double($0) / 1_000 } })
    }

    private func add(_ notices: [NoticeBacklog], to text: inout some MetricsWriter) {
        func each(_ value: (NoticeBacklog) -> Int) -> [(labels: MetricLabels, value: Double)] {
            notices.map { ([("kind", $0.kind), ("receiver", $0.name)], Double(value($0))) }
        }
        text.add(
            "curfew_notice_queue_messages", .gauge, "Messages that wait for a webhook or for mail.",
            each(\.waiting))
        text.add(
            "curfew_notice_dead_letters", .gauge, "Messages that could not be delivered; at most 1,000 are kept.",
            each(\.dead))
    }

    private func add(
        _ instances: [Status.InstanceStatus], _ measured: [String: StreamEntry], to text: inout some MetricsWriter
    ) {
        let living = instances.filter(\.isAlive)
        text.add("curfew_instances", .gauge, "Instances that are alive.", [([], Double(living.count))])
        // Always the same ones, whichever were seen last.
        let named = living.sorted { $0.id < $1.id }.prefix(NamedSeries.mostInstances)
        func each(_ name: String, _ help: String, _ value: (Status.InstanceStatus) -> Double?) {
            text.add(
                name, .gauge, help,
                named.compactMap { instance in value(instance).map { ([("instance_id", instance.id)], $0) } })
        }
        func number(_ field: String, _ scale: Double) -> (Status.InstanceStatus) -> Double? {
            { instance in measured[instance.id]?[field].flatMap(Double.init).map { $0 / scale } }
        }
        each("curfew_instance_last_seen_seconds", "Time since an instance was last seen.") {
            Double($0.seenMsAgo) / 1_000
        }
        each("curfew_instance_running", "Cleanups that an instance is running.") { Double($0.running.count) }
        each("curfew_instance_resident_memory_bytes", "Resident memory of an instance.", number("rss_bytes", 1))
        each("curfew_instance_cpu_seconds", "CPU time of an instance.", number("cpu_ms", 1_000))
        each("curfew_instance_redis_seconds", "Last round trip of an instance to Redis.", number("redis_rtt_us", 1e6))
    }

    private func fences(_ engine: Engine) async throws -> [(String, Double)] {
        let reply = try await engine.redis.send(RedisCommand("HGETALL", [engine.keys.fence]))
        return reply.pairs.map { ($0.0, Double($0.1) ?? 0) }.sorted { $0.0 < $1.0 }
    }
}
