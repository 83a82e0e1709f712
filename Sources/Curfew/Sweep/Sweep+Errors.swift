internal import Algorithms
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
        guard let claim, state.outcome.counters.hasNews else { return }
        let (news, told) = state.outcome.counters.takeNews()
        var written = told
        for page in news.chunks(ofCount: Self.mostErrors) {
            let batch = page.map { ($0, key(of: $0.id)) }
            for (number, (failure, key)) in batch.enumerated() {
                store.logger.log(
                    // The first are told to everybody, all of them to those who asked for more.
                    level: written + number < Self.mostLogged ? .warning : .debug,
                    "record not processed",
                    metadata: [
                        "run": "\(claim.run)", "cleanup": "\(cleanup.name)", "record": "\(failure.id)",
                        "key": "\(key)", "reason": "\(failure.error)",
                    ])
            }
            do {
                try await write(batch, number: written + batch.count, claim)
            } catch let error as CurfewError where FullMemory.isMeant(error) {
                // The first of a run are small enough for a Redis that is full; the rest is in its counts.
                let few = batch.prefix(max(0, Self.mostLogged - written))
                guard !few.isEmpty else { continue }
                try await write(Array(few), number: written + few.count, claim, isNote: true)
            }
            written += batch.count
        }
    }

    /// The same where a sweep has ended early: what keeps the events from being written is no news then.
    func reportErrorsAfterStop(_ state: inout State) async {
        do {
            try await reportErrors(&state)
        } catch {
            store.logger.debug("errors of records could not be written down", metadata: ["error": "\(error)"])
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
        let lease = store.keys.lease(cleanup.name)
        var change = PlainChange(member: "")
        change.checks = [
            .init(check: .differs, key: lease, field: Self.noteField, value: String(number), complaint: "")
        ]
        change.write("HSET", .own(lease), [.constant(Self.noteField), .value(String(number))])
        let time = String(clock.now.milliseconds)
        for (failure, key) in batch {
            var event = Event()
            (event.run, event.cleanup, event.record, event.key) = (claim.run, cleanup.name, failure.id, key)
            (event.action, event.reason, event.time) = (Change.errorAction, failure.error, time)
            change.add(event, to: services.journal)
        }
        // With Curfew's own index, which this doesn't touch: in a Cluster the app's may be on another node.
        var call = scope.makeCall(index: store.keys.index(cleanup.name))
        var known = PlainChange.Known()
        change.append(to: &call, &known)
        let command = isNote ? call.note() : call.command()
        let reply = try await retrying { try await store.functions.call(command) }
        if case .refused(let why)? = try call.outcomes(of: reply).first { throw CurfewError(.server, why) }
    }
}

extension Change {
    /// What an event says in the place of an action where nothing was done, because something is wrong with the record.
    package static let errorAction = "error"
}
