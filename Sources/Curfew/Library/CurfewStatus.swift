public import Foundation
public import Policies
internal import RedisClient

/// The schedule, the runs under way, the backlog and the instances at one moment.
public struct CurfewStatus: Sendable {
    /// One cleanup.
    public struct Cleanup: Sendable {
        /// Its name.
        public let name: String
        /// Its policy; nil if the configuration doesn't have it.
        public let policy: String?
        /// Its schedule in words.
        public let schedule: String?
        /// `due`, `waiting`, `running`, `lost`, `paused`, `disabled` or `unscheduled`; more may be added.
        public let state: String
        /// When it is due; while it runs, when its lease ends.
        public let due: Date?
        /// The current run, its instance and its progress in percent.
        public let run: String?, instance: String?, progress: Int?
        /// The number of tracked records, and of those that are due.
        public let tracked: Int?, backlog: Int?
        /// Who paused it and why, in a sentence.
        public let pause: String?
        /// The error of its last run, if that failed.
        public let lastError: String?
        /// Why nobody runs it although it is due.
        public let why: String?
    }

    /// One instance.
    public struct Instance: Sendable {
        /// Its id.
        public let id: String
        /// Whether it is alive.
        public let isAlive: Bool
        /// How long ago it was seen.
        public let lastSeen: Duration
        /// Its host, its process and its version.
        public let host: String?, processIdentifier: Int?, version: String?
        /// The cleanups that it is running.
        public let running: [String]
    }

    /// An alert that is firing.
    public struct FiringAlert: Sendable {
        /// The alert and its cleanup.
        public let alert: String, cleanup: String
        /// Its severity: `info`, `warning` or `critical`.
        public let severity: String
        /// The value that crossed the threshold.
        public let value: String
        /// Since when it is firing.
        public let since: Date
    }

    /// The server's time.
    public let at: Date
    /// Every configured or scheduled cleanup.
    public let cleanups: [Cleanup]
    /// Every instance seen in the last 24 hours.
    public let instances: [Instance]
    /// The alerts that are firing.
    public let firing: [FiringAlert]
    /// What else there is to say, in sentences.
    public let remarks: [String]

    init(_ status: Status) {
        at = Date(iso8601: status.at) ?? Date(milliseconds: 0)
        cleanups = status.cleanups.map { cleanup in
            Cleanup(
                name: cleanup.name.forProgram, policy: cleanup.policy, schedule: cleanup.schedule, state: cleanup.state,
                due: cleanup.due.flatMap(Date.init(iso8601:)), run: cleanup.run?.forProgram,
                instance: cleanup.instance?.forProgram,
                progress: cleanup.progress, tracked: cleanup.tracked, backlog: cleanup.backlog,
                pause: cleanup.paused.map { "paused by \($0.by) at \($0.at): \($0.why)".readable },
                lastError: cleanup.lastError?.readable, why: cleanup.why?.readable)
        }
        instances = status.instances.map { instance in
            Instance(
                id: instance.id.forProgram, isAlive: instance.isAlive, lastSeen: .milliseconds(instance.seenMsAgo),
                host: instance.host?.forProgram, processIdentifier: instance.pid, version: instance.version,
                running: instance.running.map(\.forProgram))
        }
        firing = (status.firing ?? []).map { alert in
            FiringAlert(
                alert: alert.alert.forProgram, cleanup: alert.cleanup.forProgram, severity: alert.severity,
                value: alert.value,
                since: Date(milliseconds: alert.sinceMs))
        }
        remarks = status.remarks.map(\.readable)
    }

    /// The cleanup of that name.
    public subscript(_ name: String) -> Cleanup? { cleanups.first { $0.name == name } }
}

/// A run that has ended, as the history has it.
public struct EndedRun: Sendable {
    /// Its id, such as `stuck-jobs-41`.
    public let run: String
    /// The cleanup, and the instance that ran it.
    public let cleanup: String, instance: String
    /// What started it: `schedule`, `manual`, `undo`, or what a program calls it.
    public let trigger: String
    /// How it ended; nil if this version doesn't know the word.
    public let status: RunResult.Status?
    /// Whether nothing was changed.
    public let dryRun: Bool
    /// When it started and ended, on the server's clock.
    public let started: Date, ended: Date
    /// Records past their time, and what became of them.
    public let found: Int, changed: Int, retried: Int, skipped: Int, failed: Int
    /// All refunded tokens; below zero if an undo took them back.
    public let tokensRefunded: Amount
    /// Why it failed, if it did.
    public let error: String?

    /// Reads an entry of the history; nil if it isn't a run.
    init?(_ entry: StreamEntry) {
        guard let run = entry["run"], let cleanup = entry["cleanup"] else { return nil }
        func number(_ name: String) -> Int { entry[name].flatMap { Int($0) } ?? 0 }
        (self.run, self.cleanup) = (run, cleanup)
        (instance, trigger) = (entry["instance"] ?? "", entry["trigger"] ?? "")
        status = RunResult.Status(rawValue: entry["status"] ?? "")
        dryRun = entry["dry_run"] == "1"
        started = Date(milliseconds: Int64(number("started_ms")))
        ended = Date(milliseconds: Int64(number("finished_ms")))
        (found, changed, retried) = (number("found"), number("changed"), number("retried"))
        (skipped, failed) = (number("skipped"), number("failed"))
        tokensRefunded = entry["refunded"].flatMap { Amount($0) } ?? 0
        error = entry["error"].flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension Date {
    /// A time in Unix milliseconds.
    init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1_000) }

    /// A time as Curfew writes it; nil for what is none.
    init?(iso8601 text: String) {
        guard let time = RecordTime(text: text) else { return nil }
        self.init(milliseconds: time.timestamp.milliseconds)
    }
}
