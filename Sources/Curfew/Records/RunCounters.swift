package import Policies

/// The counts of a run, and the first hundred of what it did and of what went wrong.
///
/// Its size does not grow with the number of records.
package struct RunCounters: Sendable {
    /// The most records of a run whose errors are written down.
    static let mostTold = 1_000
    /// The most types that are counted one by one.
    static let mostTypes = 64

    /// Records looked at.
    package private(set) var checked = 0
    /// Records to be changed, malformed ones included.
    package private(set) var found = 0
    /// Records changed.
    package private(set) var changed = 0
    /// Of these, given another try.
    package private(set) var retried = 0
    /// Records that had moved when they were to be changed.
    package private(set) var skipped = 0
    /// Records that could not be dealt with.
    package private(set) var failed = 0
    /// Records past their time on which work is going on.
    package private(set) var stalled = 0
    /// Tokens given back.
    package private(set) var refunded: Amount = 0
    /// Charges that had been paid back before, so that nothing was paid.
    package private(set) var refundedBefore = 0
    /// Objects that were to be deleted and weren't there.
    package private(set) var absent = 0
    /// Records, and objects, that a refused run has left, although it was about to delete them.
    private var withheld = (records: 0, objects: 0)
    /// Storage that was freed, in bytes.
    package private(set) var bytesFreed: Int64 = 0
    /// By how much counters were off.
    package private(set) var drift: Int64 = 0
    /// Timed out by type.
    package private(set) var types: [String: Int] = [:]
    /// Looked at, by type, where times go by type.
    package var seen: [String: Int] { others.merging(types, uniquingKeysWith: +) }
    /// Of these, the ones that were not changed.
    private var others: [String: Int] = [:]
    /// The changes by action; in a dry run, those that would be made.
    package var actions: [String: Int] {
        var counts = earlierActions
        if let last = lastAction { counts[last.action.rawValue, default: 0] += last.count }
        return counts
    }
    /// Changes by action before the last series of equal ones.
    private var earlierActions: [String: Int] = [:]
    /// The last series: most runs have one action, which is counted without a lookup.
    private var lastAction: (action: Change.Action, count: Int)?
    /// The first changes.
    package private(set) var records: [RunResult.Entry] = []
    /// The first errors.
    package private(set) var errors: [RunResult.Failure] = []
    /// The first error that says that Redis had no memory left: it passes.
    private(set) var fullMemory: String?
    /// The errors that are still to be written down.
    private var news: [RunResult.Failure] = []
    /// The records whose errors were written down, or are among the news; by their bytes.
    private var told: Set<[UInt8]> = []
    /// The first of what was left as it was, where there is more to say than that it had moved.
    package private(set) var kept: [RunResult.Failure] = []
    /// Members that don't read as the file says, and where the first is shown among the kept.
    private var strays: (count: Int, place: Int?, why: String) = (0, nil, "")

    /// A record was looked at and left alone.
    mutating func left(isStalled: Bool) {
        checked += 1
        if isStalled { stalled += 1 }
    }

    /// A record was changed, or would be.
    ///
    /// A dry run counts what would be refunded too.
    mutating func changed(_ id: String, _ change: Change, isDryRun: Bool) {
        let refund = change.paid
        checked += 1
        found += 1
        if !isDryRun { changed += 1 }
        if change.action == .retry { retried += 1 }
        count(change.action)
        if change.isStalled { stalled += 1 }
        refunded += refund
        drift.addSaturating(change.drift)
        bytesFreed.addSaturating(change.freedBytes ?? 0)
        if !change.type.isEmpty, types[change.type] != nil || types.count < Self.mostTypes {
            types[change.type, default: 0] += 1
        }
        guard records.count < RunResult.listed else { return }
        records.append(
            .init(
                id: id, action: change.action.rawValue, from: change.from, to: change.to, type: change.type,
                ageMs: change.age.milliseconds, timeoutMs: change.timeout.milliseconds,
                tokensRefunded: refund, reason: change.reason))
    }

    /// A record of that type was looked at and not changed.
    ///
    /// Those that are changed are counted with their change already.
    mutating func saw(type: String) {
        guard others[type] != nil || others.count < Self.mostTypes else { return }
        others[type, default: 0] += 1
    }

    private mutating func count(_ action: Change.Action) {
        if let last = lastAction, last.action == action {
            lastAction = (action, last.count + 1)
        } else {
            if let last = lastAction { earlierActions[last.action.rawValue, default: 0] += last.count }
            lastAction = (action, 1)
        }
    }

    /// A charge had been paid back before.
    mutating func foundRefunded() { refundedBefore += 1 }

    /// Objects that were to be deleted weren't there.
    mutating func foundAbsent(_ count: Int) { absent += count }

    /// Records were left because not one of their objects was there.
    mutating func withheld(_ count: Int, absent: Int) {
        checked += count
        found += count
        withheld = (count, absent)
    }

    /// What is done, where what was withheld is looked at again.
    var resumed: RunCounters {
        var tally = self
        tally.checked -= withheld.records
        tally.found -= withheld.records
        tally.absent -= withheld.objects
        tally.withheld = (0, 0)
        return tally
    }

    /// A record had moved when it was to be changed.
    mutating func moved() {
        checked += 1
        found += 1
        skipped += 1
    }

    /// A record was put back as it was before a run.
    mutating func putBack(_ entry: RunResult.Entry) {
        checked += 1
        found += 1
        changed += 1
        count(.undo)
        refunded += entry.tokensRefunded
        if records.count < RunResult.listed { records.append(entry) }
    }

    /// A record that was looked at is left as it is, and why: it isn't as a plan or an undo expects it.
    mutating func leftAlone(_ id: String, _ why: String) {
        found += 1
        skipped += 1
        if kept.count < RunResult.listed { kept.append(.init(id: id, error: why)) }
    }

    /// A member of a registry doesn't read as the file says; the first is shown, with how many there are.
    mutating func strayed(_ id: String, _ why: String) {
        strays.count += 1
        if let place = strays.place {
            kept[place].error = "\(strays.why), and \(strays.count - 1) others"
        } else if kept.count < RunResult.listed {
            (strays.place, strays.why) = (kept.count, why)
            kept.append(.init(id: id, error: why))
        }
    }

    /// The same with nothing done: what a refused run would have come to.
    var unmade: RunCounters {
        var tally = self
        (tally.changed, tally.retried, tally.refunded, tally.bytesFreed, tally.drift, tally.types) = (
            0, 0, 0, 0, 0, [:]
        )
        tally.refundedBefore = 0
        (tally.earlierActions, tally.lastAction) = ([:], nil)
        return tally
    }

    /// Whether there are errors to be written down.
    var hasNews: Bool { !news.isEmpty }

    /// The errors that are to be written down now, and how many were before.
    mutating func takeNews() -> (news: [RunResult.Failure], told: Int) {
        defer { news = [] }
        return (news, told.count - news.count)
    }

    /// A record could not be dealt with; or something else that is named instead, of which no event can tell.
    mutating func failed(_ id: String, _ error: String, isRecord: Bool = true) {
        checked += 1
        found += 1
        failed += 1
        if fullMemory == nil, FullMemory.isToldBy(error) { fullMemory = error }
        if errors.count < RunResult.listed { errors.append(.init(id: id, error: error)) }
        guard isRecord, told.count < Self.mostTold, told.insert(Array(id.utf8)).inserted else { return }
        news.append(.init(id: id, error: error))
    }
}

extension Int64 {
    /// Adds, and stops at the end of the range: records hold what they hold, and a sum must not end the process.
    fileprivate mutating func addSaturating(_ other: Int64) {
        let (sum, isOver) = addingReportingOverflow(other)
        self = isOver ? (other < 0 ? .min : .max) : sum
    }
}
