/// What a run did: the answer of a command, of an HTTP route, and what history is written from.
package struct RunResult: Sendable, Codable, Equatable {
    /// How a run ended.
    package enum Status: String, Sendable, Codable {
        /// Everything that was found is done, or was left alone for a reason.
        case completed
        /// It went through, and some records could not be dealt with.
        case completedWithErrors = "completed_with_errors"
        /// It stopped at an error that was not a record's.
        case failed
        /// It would have done more than its guard allows.
        case refused
        /// A person or a shutdown ended it; the rest is found by the next run.
        case cancelled
        /// Its `run-timeout` ended it; the rest is found by the next run.
        case timedOut = "timed_out"
        /// Its lease ran out.
        case lost
        /// It was too late to be run.
        case misfired
    }

    /// One record of the result.
    package struct Entry: Sendable, Codable, Equatable {
        /// The record.
        package var id: String
        /// What was, or would be, done.
        package var action: String
        /// The status before and after.
        package var from: String, to: String
        /// The type, where timeouts go by type.
        package var type: String
        /// How old it was, and how old it may become.
        package var ageMs: Int64, timeoutMs: Int64
        /// What was given back.
        package var tokensRefunded: Int64
        /// Why.
        package var reason: String
    }

    /// A record that could not be dealt with.
    package struct Failure: Sendable, Codable, Equatable {
        /// The record.
        package var id: String
        /// What is wrong with it.
        package var error: String

        /// A failure from its parts.
        package init(id: String, error: String) {
            self.id = id
            self.error = error
        }
    }

    /// The most records, and the most errors, that are listed.
    package static let listed = 100

    /// The run's id, empty for a preview.
    package var run: String
    /// The cleanup.
    package var cleanup: String
    /// Who ran it.
    package var instance: String
    /// The fence it ran under; 0 for a preview.
    package var fence: Int64
    /// What caused it.
    package var trigger: String
    /// Whether it only watched.
    package var dryRun: Bool
    /// How it ended.
    package var status: Status
    /// When it began: ISO 8601, by the server's clock.
    package var startedAt: String
    /// How long it took.
    package var durationMs: Int64
    /// Records past their time that were to be changed, malformed ones included.
    package var totalFound: Int
    /// Those that were changed, retried ones included.
    package var cleanedUp: Int
    /// Those that were given another try.
    package var retried: Int
    /// Those that had moved when they were to be changed, and were left alone.
    package var skipped: Int
    /// Those that could not be dealt with.
    package var failed: Int
    /// Those past their time on which work is still going on.
    package var stalled: Int
    /// Given back in all.
    package var tokensRefunded: Int64
    /// Freed in storage.
    package var bytesFreed: Int64
    /// Objects in storage that were to be deleted and weren't there.
    package var absent: Int
    /// The first of what was, or would be, changed.
    package var records: [Entry]
    /// The first of what went wrong.
    package var errors: [Failure]
    /// Why it failed, where it did; of an undo, why it could not find everything.
    package var error: String?
    /// Charges that had been paid back before, so that nothing was paid; nil: none.
    package var refundedBefore: Int?
    /// The run that was undone, where this is an undo.
    package var undoes: String?
    /// The first of what a plan or an undo left as it was, and why.
    package var left: [Failure]?

    /// Whether the run went through.
    package var isSuccess: Bool { status == .completed || status == .completedWithErrors }

    /// The result in one sentence.
    package var message: String {
        if let undoes { return undoMessage(undoes) }
        let counts =
            dryRun
            ? "Would clean up \(totalFound - failed) of \(totalFound)" : "Cleaned up \(cleanedUp) of \(totalFound)"
        var text = "\(counts) \(cleanup)"
        if tokensRefunded > 0 { text += " and \(dryRun ? "refund" : "refunded") \(tokensRefunded) tokens" }
        var notes: [String] = []
        if retried > 0 { notes.append("\(retried) \(dryRun ? "to be retried" : "retried")") }
        if skipped > 0 { notes.append("\(skipped) had moved") }
        if let refundedBefore { notes.append("\(refundedBefore) refunded before") }
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

    /// The result as it is answered: with `success` and `message` around it.
    package struct Envelope: Sendable, Codable {
        /// Whether the run went through.
        package var success: Bool
        /// The result in one sentence.
        package var message: String
        /// The result.
        package var result: RunResult
    }

    /// The result as it is answered.
    package var envelope: Envelope { Envelope(success: isSuccess, message: message, result: self) }
}
