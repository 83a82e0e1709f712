public import Policies

/// The result of a run: the answer of commands and HTTP routes, and the source of the history.
public struct RunResult: Sendable, Codable, Equatable {
    /// How a run ended.
    #if compiler(>=6.3)
    @nonexhaustive
    #endif
    public enum Status: String, Sendable, Codable, CaseIterable {
        /// Everything found was processed, or left alone for a reason.
        case completed
        /// The run is complete, but some records had errors.
        case completedWithErrors = "completed_with_errors"
        /// An error that wasn't a record's stopped it.
        case failed
        /// It would have exceeded its guard.
        case refused
        /// A person or a shutdown ended it; the next run continues.
        case cancelled
        /// Its `run-timeout` ended it; the next run continues.
        case timedOut = "timed_out"
        /// Its lease expired.
        case lost
        /// It was too late.
        case misfired
    }

    /// One record of the result.
    public struct Entry: Sendable, Codable, Equatable {
        /// The record.
        public var id: String
        /// The action, done or planned.
        public var action: String
        /// The status before and after.
        public var from: String, to: String
        /// The type, if timeouts depend on types.
        public var type: String
        /// Its age and its timeout.
        public var ageMs: Int64, timeoutMs: Int64
        /// The refunded tokens.
        public var tokensRefunded: Amount
        /// The reason.
        public var reason: String
    }

    /// A record with an error.
    public struct Failure: Sendable, Codable, Equatable {
        /// The record.
        public var id: String
        /// The error.
        public var error: String

        /// Creates a failure.
        package init(id: String, error: String) {
            self.id = id
            self.error = error
        }
    }

    /// How many records, and how many errors, are listed.
    public static let listed = 100

    /// The run's id, empty for a preview.
    public var run: String
    /// The cleanup.
    public var cleanup: String
    /// The instance.
    public var instance: String
    /// The fence; 0 for a preview.
    public var fence: Int64
    /// The trigger.
    public var trigger: String
    /// Whether it was a dry run.
    public var dryRun: Bool
    /// How it ended.
    public var status: Status
    /// When it started: ISO 8601, on the server's clock.
    public var startedAt: String
    /// Its duration.
    public var durationMs: Int64
    /// Records past their time, malformed ones included.
    public var totalFound: Int
    /// Records that were changed, retried ones included.
    public var cleanedUp: Int
    /// The changes by action, those of a dry run included: `{"cancel": 3, "mark": 2}`.
    public var actions: [String: Int]
    /// Records that were retried.
    public var retried: Int
    /// Records that changed before the commit and were left alone.
    public var skipped: Int
    /// Records with errors.
    public var failed: Int
    /// Records past their time that are still being processed.
    public var stalled: Int
    /// All refunded tokens.
    public var tokensRefunded: Amount
    /// Bytes freed in object storage.
    public var bytesFreed: Int64
    /// Objects to delete that did not exist.
    public var absent: Int
    /// The first changes, done or planned.
    public var records: [Entry]
    /// The first errors.
    public var errors: [Failure]
    /// Why it failed, if it did; for an undo, why it could not find everything.
    public var error: String?
    /// Charges that had been refunded before, so nothing was paid; nil for none.
    public var refundedBefore: Int?
    /// For files: how many were deleted, and how many were not because of errors.
    public var deletedCount: Int?, failedCount: Int?
    /// The run that was undone, if this is an undo.
    public var undoes: String?
    /// The first records that a plan or an undo left as they are, and why.
    public var left: [Failure]?

    /// Whether the run succeeded.
    public var isSuccess: Bool { status == .completed || status == .completedWithErrors }

    /// The result in one sentence.
    public var message: String {
        if let undoes { return undoMessage(undoes) }
        let counts =
            dryRun
            ? "Would clean up \(totalFound - failed) of \(totalFound)" : "Cleaned up \(cleanedUp) of \(totalFound)"
        var text = "\(counts) \(cleanup)"
        if tokensRefunded > 0 { text += " and \(dryRun ? "refund" : "refunded") \(tokensRefunded) tokens" }
        var notes: [String] = []
        if retried > 0 { notes.append("\(retried) \(dryRun ? "to be retried" : "retried")") }
        if skipped > 0 { notes.append("\(skipped) changed meanwhile") }
        if let refundedBefore { notes.append("\(refundedBefore) already refunded") }
        if stalled > 0 { notes.append("\(stalled) still active") }
        if absent > 0 { notes.append("\(absent) \(absent == 1 ? "object" : "objects") absent") }
        if failed > 0 { notes.append("\(failed) failed") }
        if !notes.isEmpty { text += " (" + notes.joined(separator: ", ") + ")" }
        switch status {
        case .completed, .completedWithErrors: return text
        case .misfired: return "Skipped \(cleanup): too late to be run"
        default:
            let why = error.map { ": " + $0 } ?? ""
            let head = "\(cleanup) \(status.rawValue.replacing("_", with: " "))\(why)"
            return head + (head.hasSuffix(".") ? " " : ". ") + text
        }
    }

    private func undoMessage(_ undone: String) -> String {
        var text = "Put back \(cleanedUp) of \(totalFound) records that \(undone) changed"
        if tokensRefunded < 0 { text += " and took back \(tokensRefunded.magnitude) tokens" }
        var notes: [String] = []
        if skipped > 0 { notes.append("\(skipped) left as they are") }
        if failed > 0 { notes.append("\(failed) failed") }
        if !notes.isEmpty { text += " (" + notes.joined(separator: ", ") + ")" }
        if !isSuccess { text = "undo \(status.rawValue.replacing("_", with: " ")). " + text }
        return error.map { "\(text). \($0)" } ?? text
    }

    /// The result as it is answered, with `success` and `message`.
    package struct Envelope: Sendable, Codable {
        /// Whether the run succeeded.
        package var success: Bool
        /// The result in one sentence.
        package var message: String
        /// The result.
        package var result: RunResult
    }

    /// The result as it is answered.
    package var envelope: Envelope { Envelope(success: isSuccess, message: message, result: self) }
}
