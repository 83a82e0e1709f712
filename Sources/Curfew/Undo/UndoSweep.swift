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

    let store: Store
    let journal: Journal
    let undo: Undo
    let claim: Claim
    let control: RunControl
    let clock: ServerClock
    /// What was finished of earlier runs when it begins.
    let begun: RunCounters

    /// Undoes the run, as far as it can be undone.
    func run() async -> Sweep.Outcome {
        var outcome = Sweep.Outcome(counters: begun)
        let committer = scope.committer
        do {
            try await IndexCheck(store.redis, undo.cleanup)?.checkScores()
            var end: String? = String(undo.ended.milliseconds)
            while let from = end {
                try control.checkpoint()
                let (entries, next) = try await events(from: from)
                for page in Self.pages(entries) {
                    try control.checkpoint()
                    try await putBack(page, committer, &outcome)
                }
                end = next
            }
            try await committer.close()
            let missing = undo.changed - outcome.counters.found
            if missing > 0 { outcome.remark = undo.remark(missing: missing) }
        } catch {
            outcome.error = error
            await committer.closeAfterStop(store.logger)
        }
        return outcome
    }

    /// For whom it commits.
    ///
    /// Events aren't trimmed: the oldest, which would go, may be those that are still to be undone.
    private var scope: CommitScope {
        CommitScope(
            store: store, cleanup: undo.cleanup,
            lease: claim.leaseTerm(store.keys), run: claim.run, journal: journal.untrimmed, control: control,
            clock: clock)
    }

    /// The run's events in a part of the stream, newest first, and where the next part begins.
    private func events(from: String) async throws -> ([StreamEntry], next: String?) {
        let page = try await StreamPage(
            "XREVRANGE", of: store.keys.events, from: from, to: String(max(0, undo.began.milliseconds)), store.redis)
        return (page.entries.filter(undo.includes), page.isFull ? page.entries.last.map { "(" + $0.id } : nil)
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

    private func putBack(
        _ page: [StreamEntry], _ committer: any Committing, _ outcome: inout Sweep.Outcome
    ) async throws {
        var events: [UndoEvent] = []
        for entry in page {
            let event: UndoEvent
            do {
                event = try UndoEvent(
                    entry, statusField: undo.cleanup.statusField, isKey: undo.cleanup.hasOwnKeys)
            } catch {
                outcome.counters.leftAlone(entry["record"] ?? "", error.message)
                continue
            }
            do {
                try event.checkOrigin(in: undo.cleanup, store.keys)
                events.append(event)
            } catch {
                outcome.counters.failed(event.record, error.message)
            }
        }
        let reader = UndoReader(store: store, undo: undo, now: clock.now)
        let encoder = UndoEncoder(undo: undo, keys: store.keys, now: clock.now)
        var changes: [(event: UndoEvent, change: Change)] = []
        for (event, read) in zip(events, try await reader.read(events)) {
            do {
                changes.append((event, try encoder.change(event, try read.get())))
            } catch {
                outcome.counters.leftAlone(event.record, error.message)
            }
        }
        let isKey = undo.cleanup.source?.isRegistry == false
        let page = changes.map { event, change in
            // With several gaps, the index has whole keys.
            let entry = isKey ? event.key : event.record
            let place = isKey ? Place(entry: entry, name: event.record) : nil
            return Evaluation(
                entry: DueEntry(id: entry, score: 0, scoreText: ""),
                record: Record(id: event.record, key: event.key, content: .missing, place: place),
                decision: .change(change))
        }
        for ((event, change), result) in zip(changes, try await committer.commit(page, rescores: true, repeats: false))
        {
            switch result {
            case .changed, .left:
                outcome.counters.putBack(
                    .init(
                        id: event.record, action: Undo.action, from: event.to, to: event.from, type: event.type,
                        ageMs: 0, timeoutMs: 0, tokensRefunded: -event.tokens, reason: undo.reason(of: event)))
            case .moved(let number):
                outcome.counters.leftAlone(event.record, encoder.complaint(number, of: change, event))
            case .refused(let why): outcome.counters.failed(event.record, why)
            case .malformed(let error): outcome.counters.failed(event.record, error.message)
            }
        }
        report(outcome)
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

extension Undo {
    /// What the event of an undone change says.
    func reason(of event: UndoEvent) -> String { "\(Self.reasonStart)\(run): \(event.action)" }

    private static let reasonStart = "undo of "

    /// The run whose change was undone, according to the event of an undo; nil if it doesn't say that.
    static func run(undoneAccordingTo reason: String) -> String? {
        guard reason.hasPrefix(reasonStart), let end = reason.lastIndex(of: ":") else { return nil }
        let start = reason.index(reason.startIndex, offsetBy: reasonStart.count)
        return start < end ? String(reason[start..<end]) : nil
    }
}
