internal import Policies
internal import RedisClient

/// Pages of records that are too large to be read as they are.
///
/// What is left of such a page goes back to the front of the queue, and sizes are asked first until records are small
/// again:
///
///     plain     40 records read, 3 of them too large     ─► 37 are dealt with, 3 go back, careful from now on
///     careful   sizes of 20 asked, then what fits read   ─► one that can never be read is its own error
struct SizedPage {
    /// The records that are read now.
    var entries: [Evaluator.Keyed] = []
    /// What has been asked about them before, where they are locks.
    var known: [RedisValue] = []
}

extension Sweep {
    /// Records go back to be read after a look at their sizes.
    func postpone(_ entries: [Evaluator.Keyed], _ state: inout State) {
        state.queue.insert(contentsOf: entries.map(\.entry), at: 0)
        state.isCareful = true
    }

    /// What came of a page, without the records that didn't fit.
    func fitting(
        _ entries: [Evaluator.Keyed], _ replies: [RedisValue], _ state: inout State
    ) -> ([Evaluator.Keyed], [RedisValue]) {
        let first = replies.count - entries.count
        guard replies[first...].contains(where: \.isTooLarge) else { return (entries, replies) }
        let isLarge = entries.indices.map { replies[first + $0].isTooLarge }
        postpone(entries.indices.filter { isLarge[$0] }.map { entries[$0] }, &state)
        // Of locks more than one reply each has come.
        let kept = replies.indices.filter { !isLarge[$0 % entries.count] }
        return (entries.indices.filter { !isLarge[$0] }.map { entries[$0] }, kept.map { replies[$0] })
    }

    /// Which records of a page are read now that their sizes are known, and which never can be; the others go back.
    func sized(
        _ entries: [Evaluator.Keyed], _ replies: [RedisValue], _ state: inout State
    ) -> (SizedPage, large: [Evaluation]) {
        let looks = judge.reader.looksAtLocks ? 2 * entries.count : 0
        let sizes = judge.reader.sizes(of: entries.map(\.key), replies[looks...])
        var page: [Int] = []
        var large: [Evaluation] = []
        var rest: [Evaluator.Keyed] = []
        var bytes = 0
        for (place, (entry, key)) in entries.enumerated() {
            switch sizes[place] {
            case .failure(let error):
                let record = Record(
                    id: entry.place?.name ?? entry.id, key: key, content: .missing, place: entry.place)
                large.append(Evaluation(entry: entry, record: record, decision: .malformed(error)))
            case .success(let size) where bytes + size > RecordReader.mostBytes: rest.append((entry, key))
            case .success(let size):
                bytes += size
                page.append(place)
            }
        }
        state.queue.insert(contentsOf: rest.map(\.entry), at: 0)
        if large.isEmpty, bytes < ReplySize.recordValueBytes { state.isCareful = false }
        let known = looks == 0 ? [] : page.map { replies[$0] } + page.map { replies[entries.count + $0] }
        return (SizedPage(entries: page.map { entries[$0] }, known: known), large)
    }

    /// The entries of a range, and the range that they are; ids that don't fit are asked for in smaller pieces.
    func entries(_ reply: RedisValue, asked range: ClosedRange<Int>) async throws -> ([DueEntry], ClosedRange<Int>) {
        guard reply.isTooLarge else { return (try entries(reply), range) }
        var found: [DueEntry] = []
        var step = range.count
        var next = range.lowerBound
        var bytes = 0
        while next <= range.upperBound, bytes < ReplySize.requestBytes {
            let part = next...min(next + step - 1, range.upperBound)
            let reply = try await retrying { try await store.redis.pipeline([rangeCommand(part)])[0] }
            if reply.isTooLarge {
                guard step > 1 else {
                    throw CurfewError(
                        .damaged,
                        "\(index): the id at rank \(next) has more than \(ReplySize.requestBytes) bytes: "
                            + "expected ids of some bytes")
                }
                step /= 2
                continue
            }
            let entries = try entries(reply)
            found += entries
            bytes += entries.reduce(0) { $0 + $1.id.utf8.count }
            next = part.upperBound + 1
            if entries.count < part.count { return (found, range) }
        }
        return (found, range.lowerBound...(next - 1))
    }
}

extension RecordReader {
    /// What asks for the sizes of records, after what has to be known of locks before anything is asked about them.
    func sizeRequest(for entries: [Evaluator.Keyed]) -> [RedisCommand] {
        let keys = entries.map(\.key)
        return (looksAtLocks ? lockCommands(for: keys) : []) + sizeCommands(for: keys)
    }
}
