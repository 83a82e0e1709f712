internal import Foundation
internal import Policies

/// The run that a cleanup owes, in `{curfew}:owed`: it was due, and no run has succeeded since.
///
/// A failure with a temporary cause is retried soon, until the cleanup is due anyway. In any case `overdue` counts from
/// the first missed time: a cleanup that fails every night has not run.
struct Owed: Sendable, Equatable, Codable {
    /// The due time of the first run that did not succeed.
    var sinceMs: String
    /// The due time of the last run, which a retry replaces.
    var dueMs: String
    /// When it is retried, and the number of retries; empty and `0` if it waits for its next due time.
    var retryMs: String, attempts: String
    /// The error of the last run.
    var error: String

    private enum CodingKeys: String, CodingKey {
        case sinceMs = "since_ms"
        case dueMs = "due_ms"
        case retryMs = "retry_ms"
        case attempts, error
    }

    /// The delay after each failure; the last one is used from then on.
    static let pauses: [Duration] = [.seconds(60), .seconds(5 * 60), .seconds(15 * 60)]

    init(since: Timestamp, due: Timestamp, retry: Timestamp?, attempts: Int, error: String) {
        sinceMs = String(since.milliseconds)
        dueMs = String(due.milliseconds)
        retryMs = retry.map { String($0.milliseconds) } ?? ""
        self.attempts = String(attempts)
        self.error = error
    }

    /// Parses the stored value; nil if it is invalid.
    init?(text: String) {
        do {
            self = try JSONDecoder().decode(Owed.self, from: Data(text.utf8))
        } catch {
            return nil
        }
    }

    /// The stored value.
    var text: String {
        let members = [
            ("since_ms", sinceMs), ("due_ms", dueMs), ("retry_ms", retryMs), ("attempts", attempts), ("error", error),
        ]
        return JSONText.object(members.map { FieldWrite(field: $0.0, value: $0.1) })
    }

    /// Since when a run is owed; nil if that is invalid.
    var since: Timestamp? { Int64(sinceMs).map(Timestamp.init(milliseconds:)) }
    /// The due time that a retry replaces.
    var due: Timestamp? { Int64(dueMs).map(Timestamp.init(milliseconds:)) }
    /// The time of the retry.
    var retry: Timestamp? { Int64(retryMs).map(Timestamp.init(milliseconds:)) }
}

/// The effect of a run's end on the schedule: when the cleanup is due again, and what it owes.
struct NextRun: Sendable, Equatable {
    /// The end of a run, as far as it affects the schedule.
    enum Ending: Sendable, Equatable {
        /// It succeeded.
        case done
        /// It failed for a temporary reason.
        case failedForNow(String)
        /// It failed or was refused for a reason that needs a person.
        case notDone(String)
        /// It was cancelled, or was a dry run.
        case stopped
    }

    /// When the cleanup is due.
    var due: Timestamp
    /// The run that it owes; nil for none.
    var owed: Owed?

    /// - Parameters:
    ///   - claimed: when the run was due by the schedule; in the future for a requested run.
    init(after ending: Ending, claimed: Timestamp, owed: Owed?, schedule: Schedule, began: Timestamp, now: Timestamp) {
        let isRetry = owed?.retry == claimed
        let occurrence = isRetry ? owed?.due ?? claimed : claimed
        let regular = schedule.next(after: occurrence, now: now)
        let isEarly = claimed > began
        self.owed = owed
        due = isEarly ? claimed : regular
        switch ending {
        case .stopped: break
        case .done:
            self.owed = nil
            // There is nothing to retry.
            if isRetry { due = regular }
        case .failedForNow(let error), .notDone(let error):
            guard !isEarly else { return }
            let since = owed?.since ?? occurrence
            self.owed = Owed(since: since, due: occurrence, retry: nil, attempts: 0, error: error)
            guard case .failedForNow = ending else { return }
            let attempts = isRetry ? Int(owed?.attempts ?? "") ?? 0 : 0
            let retry = now + Owed.pauses[min(attempts, Owed.pauses.count - 1)]
            guard retry < regular else { return }
            due = retry
            self.owed = Owed(since: since, due: occurrence, retry: retry, attempts: attempts + 1, error: error)
        }
    }
}
