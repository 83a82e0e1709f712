internal import Curfew
internal import Foundation
internal import Policies

/// Several runs as they go on: on a terminal each result as for a single run, elsewhere lines with times, for a log file.
struct GroupView: Sendable {
    /// Whether nothing is printed until the end.
    let isSilent: Bool
    /// How many errors of a run are printed.
    private static let mostErrors = 20

    /// A run has begun.
    func began(_ run: Run) {
        guard !isSilent, !Output.isTerminal else { return }
        log(run.cleanup.name, "\(run.claim.run) started")
    }

    /// A run has ended.
    func ended(_ result: RunResult) {
        guard !isSilent else { return }
        guard !Output.isTerminal else {
            ResultView.write(result)
            return Output.line()
        }
        for error in result.errors.prefix(Self.mostErrors) {
            log(result.cleanup, "\(result.run) error at \(error.id): \(error.error)")
        }
        let rest = result.failed - min(result.errors.count, Self.mostErrors)
        if rest > 0 { log(result.cleanup, "\(result.run) … and \(rest) more errors") }
        let duration = Duration.milliseconds(result.durationMs).text
        log(result.cleanup, "\(result.run) \(result.status.rawValue) in \(duration): \(result.message)")
    }

    /// The last cleanup could not be run.
    func leftOut(_ group: GroupOfRuns) {
        guard !isSilent, let refused = group.refused.last else { return }
        let text = "not run: \(refused.error)"
        guard Output.isTerminal else { return log(refused.id, text) }
        Output.line(Style.red("\(refused.id) was \(text)".printable))
        Output.line()
    }

    /// Writes the sums of all runs.
    func write(_ group: GroupOfRuns) {
        let text = Self.words(of: group)
        guard Output.isTerminal else { return log("all", text) }
        Output.line((group.isSuccess ? Style.green : Style.red)(text))
    }

    /// The sums in words: `2 cleanups: cleaned up 3 of 4, refunded 30 tokens, 1 failed`.
    static func words(of group: GroupOfRuns) -> String {
        let (totals, count) = (group.totals, group.results.count)
        let isDry = !group.results.isEmpty && group.results.allSatisfy(\.dryRun)
        var parts: [String] = []
        if isDry {
            parts.append("would clean up \(totals.totalFound - totals.failed) of \(totals.totalFound)")
        } else {
            parts.append("cleaned up \(totals.cleanedUp) of \(totals.totalFound)")
        }
        if totals.tokensRefunded != 0 {
            parts.append("\(isDry ? "refund" : "refunded") \(totals.tokensRefunded) tokens")
        }
        for (number, word) in [
            (totals.retried, isDry ? "to be retried" : "retried"), (totals.skipped, "changed meanwhile"),
            (totals.stalled, "still active"), (totals.failed, "failed"),
        ] where number > 0 {
            parts.append("\(number) \(word)")
        }
        let unsuccessful = group.results.count { !$0.isSuccess }
        if unsuccessful > 0 { parts.append("\(unsuccessful) of the runs not completed") }
        if !group.refused.isEmpty { parts.append("\(group.refused.count) not run") }
        return "\(count) \(count == 1 ? "cleanup" : "cleanups"): " + parts.joined(separator: ", ")
    }

    /// One line: the time, the cleanup, the text.
    private func log(_ cleanup: String, _ text: String) {
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        Output.line("\(now.iso8601)  \(cleanup)  \(text)".printable)
    }
}
