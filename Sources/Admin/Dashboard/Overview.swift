internal import Curfew
internal import Foundation
internal import Policies

/// The content of the overview, as read at one moment.
struct Overview: Sendable {
    /// The server's time.
    var now: Timestamp
    /// The schedule, leases, instances and backlog.
    var status: Status
    /// The newest runs and changes.
    var runs: [StreamEntry], events: [StreamEntry]
    /// The recent alert history.
    var alerts: [StreamEntry]
    /// The measurements of runs, by hour.
    var hours: MeasuredHours
    /// Stale pauses by cleanup.
    var pauses: [StalePauses]

    /// How many records are due now over all cleanups; nil if the number isn't known for any cleanup.
    var due: Int64? {
        let numbers = status.cleanups.compactMap(\.backlog)
        return numbers.isEmpty ? nil : numbers.reduce(0) { $0 + Int64($1) }
    }
}

extension Status {
    /// When it was read: with it, what stays the same also looks the same in each reading.
    var time: Timestamp? {
        do {
            let date = try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(at)
            return Int64(exactly: (date.timeIntervalSince1970 * 1_000).rounded()).map(Timestamp.init(milliseconds:))
        } catch {
            return nil
        }
    }
}
