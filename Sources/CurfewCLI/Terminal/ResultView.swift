internal import Curfew
internal import Policies

/// A run's result for people: the summary, then each record with its change and the reason.
enum ResultView {
    /// Prints the result.
    static func write(_ result: RunResult) {
        Output.line((result.isSuccess ? Style.green : Style.red)(result.message.printable))
        if !result.run.isEmpty {
            Output.line(
                Style.dim(
                    "run \(result.run) on \(result.instance), \(result.status.rawValue), \(Duration.milliseconds(result.durationMs).text)"
                ))
        }
        if !result.records.isEmpty {
            Output.line()
            var table = Table("RECORD", "ACTION", "FROM", "TO", "TYPE", "AGE", "TOKENS", "REASON")
            // The index is in the order of deadlines; people look for the oldest.
            for record in result.records.sorted(by: { $0.ageMs > $1.ageMs }) {
                table.add(
                    record.id, record.action, record.from, record.to, record.type,
                    Duration.milliseconds(record.ageMs).roughText,
                    record.tokensRefunded != 0 ? String(record.tokensRefunded) : "", record.reason)
            }
            for line in table.lines(fitting: nil, optional: ["TYPE", "TOKENS"]) { Output.line(line) }
            let rest = result.totalFound - result.failed - result.skipped - result.records.count
            if rest > 0 { Output.line(Style.dim("… and \(rest) more")) }
        }
        if let left = result.left, !left.isEmpty {
            Output.line()
            var table = Table("RECORD", "LEFT BECAUSE")
            for record in left { table.add(record.id, record.error) }
            table.write(empty: "")
            if result.skipped > left.count { Output.line(Style.dim("… and \(result.skipped - left.count) more")) }
        }
        if !result.errors.isEmpty {
            Output.line()
            var table = Table("RECORD", "ERROR")
            for error in result.errors { table.add([(error.id, nil), (error.error, .red)]) }
            table.write(empty: "")
            if result.failed > result.errors.count {
                Output.line(Style.dim("… and \(result.failed - result.errors.count) more"))
            }
        }
    }
}
