internal import Policies
internal import RedisClient

/// Puts back what a run did: its events, newest first, a page at a time, each record only where it is as the run left it.
///
/// Newest first, because a run may have changed a record twice. Each record is one change of a commit call under the lease
/// of the cleanup: guarded by what the run wrote, with the refund taken back, an event of its own and the index entry in the
/// same step. What was begun and broke off can be begun again: what is back already is then left as changed since.
struct UndoSweep: Sendable {
    /// Records in one commit call.
    static let page = 64

    let engine: Engine
    let undo: Undo
    let claim: Claim
    let control: RunControl
    let clock: ServerClock

    /// Undoes the run, as far as it can be undone.
    func run() async -> Sweep.Outcome {
        var outcome = Sweep.Outcome()
        do {
            try await IndexCheck(engine.redis, undo.cleanup)?.checkScores()
            var end: String? = String(undo.ended.milliseconds)
            while let from = end {
                try control.checkpoint()
                let (entries, next) = try await events(from: from)
                for page in Self.pages(entries) {
                    try control.checkpoint()
                    try await putBack(page, &outcome)
                }
                end = next
            }
            let missing = undo.changed - outcome.counters.found
            if missing > 0 { outcome.remark = undo.remark(missing: missing, engine) }
        } catch {
            outcome.error = error
        }
        return outcome
    }

    /// The run's events in a part of the stream, newest first, and where the next part begins.
    private func events(from: String) async throws -> ([StreamEntry], next: String?) {
        let page = try await StreamPage(
            "XREVRANGE", of: engine.keys.events, from: from, to: String(max(0, undo.began.milliseconds)), engine.redis)
        let own = page.entries.filter {
            $0["run"] == undo.run && $0["record"] != "" && $0["action"] != Change.errorAction
        }
        return (own, page.isFull ? page.entries.last.map { "(" + $0.id } : nil)
    }

    /// Events in pages, none of which has a record twice.
    private static func pages(_ entries: [StreamEntry]) -> [[StreamEntry]] {
        var pages: [[StreamEntry]] = []
        var keys: Set<String> = []
        for entry in entries {
            let isNew = keys.insert(entry["key"] ?? "").inserted
            if isNew, let last = pages.indices.last, pages[last].count < page {
                pages[last].append(entry)
            } else {
                pages.append([entry])
                keys = [entry["key"] ?? ""]
            }
        }
        return pages
    }

    private func putBack(_ page: [StreamEntry], _ outcome: inout Sweep.Outcome) async throws {
        var events: [UndoEvent] = []
        for entry in page {
            let event: UndoEvent
            do {
                event = try UndoEvent(entry, statusField: undo.cleanup.statusField)
            } catch {
                outcome.counters.leftAlone(entry["record"] ?? "", error.message)
                continue
            }
            do {
                try event.checkOrigin(in: undo.cleanup, engine.keys)
                events.append(event)
            } catch {
                outcome.counters.failed(event.record, error.message)
            }
        }
        if engine.redis.isCluster {
            let saga = UndoSaga(engine: engine, undo: undo, claim: claim)
            let begun = try await saga.begun(events)
            let fresh = events.indices.filter { begun[$0] == nil }.map { events[$0] }
            var steps = begun.sorted { $0.key < $1.key }.map(\.value)
            steps += try await changes(fresh, &outcome.counters).map(saga.step)
            count(Array(zip(steps.map(\.event), try await saga.commit(steps))), &outcome.counters)
        } else {
            let changes = try await changes(events, &outcome.counters)
            count(Array(zip(changes.map(\.event), try await commit(changes))), &outcome.counters)
        }
        report(outcome)
    }

    /// The changes that put records back; those that can't be are left alone.
    private func changes(
        _ events: [UndoEvent], _ counters: inout RunCounters
    ) async throws -> [(event: UndoEvent, change: PlainChange)] {
        let reader = UndoReader(engine: engine, undo: undo, now: clock.now)
        let encoder = UndoEncoder(undo: undo, claim: claim, journal: engine.journal, time: clock.now)
        var changes: [(event: UndoEvent, change: PlainChange)] = []
        for (event, read) in zip(events, try await reader.read(events)) {
            do {
                changes.append((event, try encoder.change(event, try read.get())))
            } catch {
                counters.leftAlone(event.record, error.message)
            }
        }
        return changes
    }

    /// Makes all changes of a page in one call.
    private func commit(_ changes: [(event: UndoEvent, change: PlainChange)]) async throws -> [UndoOutcome] {
        guard !changes.isEmpty else { return [] }
        let index = undo.cleanup.indexKey(engine.keys)
        var call = CommitCall(
            lease: (engine.keys.lease(claim.cleanup), claim.term), index: index,
            shared: [index, engine.keys.events, engine.keys.seen(claim.cleanup)])
        var known = PlainChange.Known()
        for (_, change) in changes { change.append(to: &call, &known) }
        let results = try call.outcomes(of: try await engine.library.call(call.command()))
        return zip(results, changes).map { UndoOutcome($0, of: $1.change) }
    }

    private func count(_ outcomes: [(UndoEvent, UndoOutcome)], _ counters: inout RunCounters) {
        for (event, outcome) in outcomes {
            switch outcome {
            case .putBack:
                counters.putBack(
                    .init(
                        id: event.record, action: Undo.action, from: event.to, to: event.from, type: event.type,
                        ageMs: 0, timeoutMs: 0, tokensRefunded: -event.tokens, reason: undo.reason(of: event)))
            case .leftAlone(let why): counters.leftAlone(event.record, why)
            case .failed(let why): counters.failed(event.record, why)
            }
        }
    }

    private func report(_ outcome: Sweep.Outcome) {
        let counters = outcome.counters
        control.advance { progress in
            (progress.found, progress.changed, progress.skipped, progress.failed) =
                (counters.found, counters.changed, counters.skipped, counters.failed)
            progress.refunded = counters.refunded
            progress.percent = min(100, undo.changed > 0 ? counters.found * 100 / undo.changed : 100)
            progress.step = Trigger.undo
        }
    }
}

/// What became of a record that was to be put back.
enum UndoOutcome: Sendable, Equatable {
    case putBack
    /// It isn't as the run left it, and why.
    case leftAlone(String)
    /// Redis would not have it.
    case failed(String)

    /// What a commit says of the change.
    init(_ result: CommitCall.Outcome, of change: PlainChange) {
        switch result {
        case .made: self = .putBack
        case .moved(let number):
            let isCheck = change.checks.indices.contains(number)
            self = .leftAlone(isCheck ? change.checks[number].complaint : "its refund was taken back before")
        case .refused(let why): self = .failed(why)
        }
    }
}

extension Undo {
    /// What the event of an undone change says.
    func reason(of event: UndoEvent) -> String { "undo of \(run): \(event.action)" }
}
