internal import Logging
internal import Policies
internal import RedisClient

/// How what is wrong with records is kept: an event each (`action: error`), and a line in the log.
///
/// A run tells of a record once, and of a thousand records at most; the log gets the first twenty. Each batch of events is
/// one change that also notes its number in the lease, so that one whose reply was lost isn't written twice. Where Redis is
/// full, events take memory that it hasn't: then there are as many as lines in the log.
extension Sweep {
    /// The most events in one call.
    private static let mostErrors = 50
    /// The most errors of a run that are logged.
    private static let mostLogged = 20
    /// The field of the lease that says which batch was written last.
    private static let noteField = "errors"

    /// Writes down what went wrong since the last time, under the lease; a sweep that only watches has nothing to write.
    func reportErrors(_ state: inout State) async throws {
        guard let claim, state.outcome.tally.hasNews else { return }
        let (news, told) = state.outcome.tally.takeNews()
        for start in stride(from: 0, to: news.count, by: Self.mostErrors) {
            let batch = news[start..<min(start + Self.mostErrors, news.count)].map { ($0, key(of: $0.id)) }
            for (place, (failure, key)) in batch.enumerated() where told + start + place < Self.mostLogged {
                engine.logger.warning(
                    "a record could not be dealt with",
                    metadata: ["record": "\(failure.id)", "key": "\(key)", "reason": "\(failure.error)"])
            }
            do {
                try await write(batch, number: told + start + batch.count, claim)
            } catch let error as CurfewError where FullMemory.isMeant(error) {
                // The first of a run are small enough for a Redis that is full; the rest is in its counts.
                let few = batch.prefix(max(0, Self.mostLogged - told - start))
                guard !few.isEmpty else { continue }
                try await write(Array(few), number: told + start + few.count, claim, isNote: true)
            }
        }
    }

    /// The same where a sweep has ended early: what keeps the events from being written is no news then.
    func reportErrorsAfterStop(_ state: inout State) async {
        do {
            try await reportErrors(&state)
        } catch {
            engine.logger.debug("errors of records could not be written down", metadata: ["error": "\(error)"])
        }
    }

    /// The key that an id stands for; the id where it stands for none.
    private func key(of id: String) -> String {
        do {
            return try judge.reader.key(of: id)
        } catch {
            return id
        }
    }

    private func write(
        _ batch: [(failure: RunResult.Failure, key: String)], number: Int, _ claim: Claim, isNote: Bool = false
    ) async throws {
        let lease = engine.keys.lease(cleanup.name)
        var change = PlainChange(member: "")
        change.checks = [
            .init(check: .differs, key: lease, field: Self.noteField, value: String(number), complaint: "")
        ]
        change.write("HSET", .own(lease), [.constant(Self.noteField), .value(String(number))])
        let time = String(clock.now.milliseconds)
        for (failure, key) in batch {
            change.event(
                [
                    ("run", claim.run), ("cleanup", cleanup.name), ("record", failure.id), ("key", key),
                    ("action", Change.errorAction), ("from", ""), ("to", ""), ("reason", failure.error), ("type", ""),
                    ("tokens", "0"), ("bytes", "0"), ("before", "{}"), ("at_ms", time),
                ], length: engine.configuration.streams.length)
        }
        // With Curfew's own index, which this doesn't touch: in a Cluster the app's may be on another node.
        var call = committer(claim).makeCall(index: engine.keys.index(cleanup.name))
        var known = PlainChange.Known()
        change.append(to: &call, &known)
        let command = isNote ? call.note() : call.command()
        let reply = try await retrying { try await engine.library.call(command) }
        if case .refused(let why)? = try call.outcomes(of: reply).first { throw CurfewError(.server, why) }
    }
}

extension Change {
    /// What an event says in the place of an action where nothing was done, because something is wrong with the record.
    package static let errorAction = "error"
}
