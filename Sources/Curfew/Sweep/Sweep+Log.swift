internal import Logging
internal import Policies

/// What the log says of each record of a run, where it is asked for more: `--verbose`.
extension Sweep {
    /// Whether there is a line per record.
    var logsRecords: Bool { store.logger.logLevel <= .debug }

    /// A record was changed, or would be.
    func logChange(_ id: String, _ change: Change) {
        store.logger.debug(
            claim == nil ? "record to be changed" : "record changed",
            metadata: facts(id, change).merging(["refunded": .stringConvertible(change.paid)]) { $1 })
    }

    /// A record had moved when it was to be changed.
    func logSkip(_ id: String, _ change: Change?) {
        store.logger.debug(
            "record skipped: it changed since it was read",
            metadata: change.map { facts(id, $0) } ?? ["record": "\(id)"])
    }

    private func facts(_ id: String, _ change: Change) -> Logger.Metadata {
        [
            "run": "\(claim?.run ?? "")", "cleanup": "\(cleanup.name)", "record": "\(id)",
            "action": "\(change.action.rawValue)",
            "from": "\(change.from)", "to": "\(change.to)", "reason": "\(change.reason)",
            "age_ms": .stringConvertible(change.age.milliseconds),
        ]
    }
}
