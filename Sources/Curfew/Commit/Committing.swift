internal import Logging
internal import Policies

/// Applies changes: each whose guards hold, as a whole, and no other.
///
/// There are two: ``Committer`` for a single server, on which a page is one atomic call, and ``Saga`` for a cluster, in
/// which it is a sequence of steps that any later run can finish. Both make the same changes of the same effects, in the
/// same order, and answer in the same way; one suite of tests runs against both.
///
/// - A change is made once. If an answer is lost nobody sends the same call again: its records, or the mark that it
///   would have left, say what became of it.
/// - A change whose guards don't hold, or which Redis would refuse, leaves nothing behind.
protocol Committing: Sendable {
    /// Commits a page: changes, and what becomes of the index entries of the rest. Answers in order.
    ///
    /// - Parameters:
    ///   - rescores: false if a record that isn't past its configured time may be ahead of the horizon (a run with a
    ///     shorter timeout): its index entry then stays as it is.
    ///   - repeats: whether the changes are guarded so well that they may be sent again if an answer is lost.
    /// - Throws: If the lease is lost, or an answer is, and what became of the changes is unknown.
    func commit(_ page: [Evaluation], rescores: Bool, repeats: Bool) async throws -> [CommitResult]

    /// Ends the commits of a run: what is kept for whoever would have had to finish them goes.
    func close() async throws

    /// What earlier runs have begun and not finished is finished first; what came of it.
    func finishEarlier() async throws -> [Finished]
}

extension Committing {
    /// Ends the commits of a run that has stopped early; if that fails, the next run does it.
    func closeAfterStop(_ logger: Logger) async {
        do {
            try await close()
        } catch {
            logger.debug("the marks of the run stay named", metadata: ["error": "\(error)"])
        }
    }
}

/// What became of a proposed record.
enum CommitResult: Sendable, Equatable {
    /// It was changed. No refund was made if there is none, or if the charge had been paid back before.
    case changed(isRefunded: Bool)
    /// The guard of this number didn't hold: it had moved meanwhile. Nil if it isn't known which.
    case moved(guardNumber: Int?)
    /// Redis would have refused the change, so nothing of it was written.
    case refused(String)
    /// It was malformed, and left as it was.
    case malformed(RecordError)
    /// It was left or dropped.
    case left(isStalled: Bool, stays: Bool)

    /// Whether the index entry is still in its place.
    var stays: Bool {
        switch self {
        case .changed: false
        case .moved, .refused, .malformed: true
        case .left(_, let stays): stays
        }
    }
}

/// A change of an earlier run that was finished, or what is wrong with it.
enum Finished: Sendable {
    /// It is made.
    case changed(id: String, Change)
    /// It can't be made, and why; `isRecord` is false if it is about something else than a record.
    case failed(String, String, isRecord: Bool)
}
