internal import Foundation
internal import Policies
internal import RedisClient

/// The schedule, leases, instances and backlog at one moment: the content of `curfew status`.
package struct Status: Sendable, Codable, Equatable {
    /// One cleanup.
    package struct CleanupStatus: Sendable, Codable, Equatable {
        /// Its name.
        package var name: String
        /// Its policy; nil if this configuration doesn't have it.
        package var policy: String?
        /// Its schedule in words.
        package var schedule: String?
        /// `due`, `waiting`, `running`, `lost`, `paused`, `disabled`, `unscheduled`.
        package var state: String
        /// When it is due: ISO 8601.
        package var due: String?
        /// Milliseconds until it is due or its lease ends; negative if that has passed.
        package var inMs: Int64?
        /// The current run, its instance and its progress.
        package var run: String?, instance: String?, progress: Int?, step: String?
        /// The counters of the current run.
        package var found: Int?, changed: Int?, failed: Int?
        /// Its pause.
        package var paused: CleanupPause?
        /// The number of tracked records, and of due records.
        package var tracked: Int?, backlog: Int?
        /// Why the records can't be counted, for example because the index is on an unreachable server of a cluster.
        package var uncounted: String?
        /// The progress of the scan for records that the index lacks; nil if there is none.
        package var scan: ScanStatus?
        /// Since when it has had no successful run: ISO 8601; and the error of the last run.
        package var owedSince: String?, lastError: String?
        /// Why instances don't run it: other instances use its name for other records.
        package var refused: String?
        /// What people call it, what it belongs to, and its colour.
        package var title: String?, category: String?, color: String?
        /// How its last run ended; nil if it has had none, or that isn't asked for.
        package var lastRun: LastRun?
        /// The living instances that have it: the first ones, and how many there are besides these.
        package var knownBy: [String]?, knownByMore: Int?
        /// Why nobody runs it although it is due, and what to do.
        package var why: String?, advice: String?
    }

    /// One instance.
    package struct InstanceStatus: Sendable, Codable, Equatable {
        /// Its id.
        package var id: String
        /// Milliseconds since it was last seen.
        package var seenMsAgo: Int64
        /// Whether it is alive.
        package var isAlive: Bool
        /// Its host, process, version and when it started.
        package var host: String?, pid: Int?, version: String?, startedAt: String?
        /// The cleanups that it is running.
        package var running: [String]
        /// The fingerprint of its configuration.
        package var config: String?
        /// The cleanups that it doesn't run, because other instances use their names for other records.
        package var refused: [String]?
    }

    /// The server's time: ISO 8601.
    package var at: String
    /// Every configured or scheduled cleanup.
    package var cleanups: [CleanupStatus]
    /// Every instance seen in the last 24 hours.
    package var instances: [InstanceStatus]
    /// Remarks, for example that living instances have different configurations.
    package var remarks: [String]
    /// The firing alerts, the undelivered messages, and everything that a person should look at; nil if that isn't asked
    /// for.
    package var firing: [FiringAlert]?, deliveries: [Deliveries]?, concerns: [Concern]?

    /// Reads the whole status, with everything that a person should look at.
    ///
    /// - Parameter lastRuns: the last runs as far as they are known.
    static func read(_ coordinator: Coordinator, _ lastRuns: LastRuns) async throws(CurfewError) -> Status {
        let (store, configuration) = (coordinator.store, coordinator.configuration)
        do {
            async let runs = lastRuns.read(store)
            async let firing = FiringAlert.all(store, alerts: configuration.alerts, cleanups: configuration.cleanups)
            async let deliveries = Deliveries.read(store, configuration.receivers)
            var status = try await read(coordinator)
            status.add(try await runs)
            (status.firing, status.deliveries) = (try await firing, try await deliveries)
            status.concerns = status.allConcerns()
            return status
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        }
    }

    /// Reads one cleanup with its last run, and the instances; its list is empty if there is no such cleanup.
    static func read(
        _ coordinator: Coordinator, _ lastRuns: LastRuns, only name: String
    ) async throws(CurfewError) -> Status {
        async let runs = lastRuns.read(coordinator.store)
        do {
            var status = try await StatusReader(coordinator).read(only: name)
            status.add(try await runs)
            return status
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        }
    }

    /// Reads the schedule, leases, instances and backlog.
    static func read(_ coordinator: Coordinator) async throws(CurfewError) -> Status {
        do {
            return try await StatusReader(coordinator).read()
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        }
    }

    private mutating func add(_ lastRuns: [String: LastRun]) {
        for place in cleanups.indices { cleanups[place].lastRun = lastRuns[cleanups[place].name] }
    }
}
