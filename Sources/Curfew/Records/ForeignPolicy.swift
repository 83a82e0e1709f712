internal import Policies

/// A policy whose verdicts are made by code that isn't Curfew's: it may throw, take long, or never come back.
///
/// So its verdicts are made elsewhere, many at a time, and are waited for. What is called for a single record without
/// waiting, `verdict(on:at:)`, only says that there is more to be known.
protocol ForeignPolicy: Policies.Policy {
    /// The verdict on each record; what is wrong with the policy is the error of the record.
    ///
    /// Records behind one whose verdict doesn't come back in time are left as they are. Throws where a verdict that was
    /// asked for earlier still hasn't come back, so that no other can be asked for, and where the task is cancelled.
    ///
    /// - Parameter waiting: called now and then meanwhile; what it throws ends the wait, and is thrown.
    func verdicts(
        on records: [Record], at now: Timestamp, waiting: @escaping @Sendable () throws -> Void
    ) async throws -> [Result<Verdict, RecordError>]

    /// Throws where a verdict that was asked for hasn't come back.
    func checkIsFree() throws(CurfewError)
}

extension Evaluator {
    /// The policy, if its verdicts are made elsewhere.
    var foreign: (any ForeignPolicy)? { reader.foreign }

    /// Throws where the policy still owes a verdict: what it was to decide isn't decided.
    func checkIsFree() throws(CurfewError) { try foreign?.checkIsFree() }

    /// The verdicts on records that were read, where they are made elsewhere; nil, or nil for one, where they aren't.
    func verdicts(
        on reads: [RecordReader.Read], of entries: [Keyed], at now: Timestamp
    ) async throws -> [Result<Verdict, RecordError>?]? {
        guard let foreign else { return nil }
        var places: [Int] = []
        var records: [Record] = []
        for (place, read) in reads.enumerated() where !isElsewhere(entries[place], at: now) {
            guard case .success(let record) = read, reader.firstSight(of: record, at: now) == nil else { continue }
            places.append(place)
            records.append(record)
        }
        guard !records.isEmpty else { return nil }
        let made = try await foreign.verdicts(on: records, at: now, waiting: waiting)
        var verdicts = [Result<Verdict, RecordError>?](repeating: nil, count: reads.count)
        for (place, verdict) in zip(places, made) { verdicts[place] = verdict }
        return verdicts
    }
}
