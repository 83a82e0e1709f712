internal import Policies
internal import RedisClient
internal import Synchronization

/// Finds the events of one record among those of all records, newest first.
///
/// Events aren't indexed by record: that would cost every commit something, for a question that is seldom asked. So the
/// stream is read, and compared byte by byte; only what fits is decoded. It is read in several parts by time, some of
/// them at once, so that Redis sends one while another is being compared.
///
///     oldest                                            newest
///     |  part 8 |  …  |  part 3  |  part 2  |  part 1  |
///                          ^ at most `mostAtOnce` of them at a time, each in pages
struct RecordSearch: Sendable {
    /// How many entries one search may examine: twice as many as the stream holds by default.
    static let mostExamined = 200_000
    /// How many parts are read at once.
    private static let mostAtOnce = 3
    /// Into how many parts the stream is divided.
    private static let parts: Int64 = 12

    let redis: RedisClient
    let stream: String
    /// The record's id, as bytes.
    private let record: [UInt8]
    private let cleanup: String?
    private let most: Int

    /// A search for a record: of one cleanup, or of all.
    ///
    /// - Parameter most: how many entries it may examine.
    init(
        _ redis: RedisClient, _ stream: String, record: String, cleanup: String?, most: Int = Self.mostExamined
    ) {
        self.most = most
        self.redis = redis
        self.stream = stream
        self.record = ByteText.bytes(of: record)
        self.cleanup = cleanup
    }

    /// What a search found.
    struct Page: Sendable {
        /// The events, newest first.
        var entries: [StreamEntry] = []
        /// Where the next page begins, as the id before which it looks; nil at the end.
        var next: String?
        /// How many entries were examined.
        var examined = 0
        /// Whether it ended because it had examined as many as it may.
        var isCut = false
    }

    /// How many entries all parts have examined.
    private final class Budget: Sendable {
        private let count = Mutex(0)
        var examined: Int { count.withLock(\.self) }
        func add(_ more: Int) { count.withLock { $0 += more } }
    }

    /// What was found in one part.
    private struct Found: Sendable {
        let part: Int
        var entries: [StreamEntry] = []
        /// Where it stopped; nil if it examined the whole part.
        var stoppedBefore: String?
    }

    /// Searches for up to that many events.
    ///
    /// - Parameter before: the `next` of the previous page; nil for the newest events.
    func page(_ count: Int, before: String?) async throws(CurfewError) -> Page {
        do {
            let start = before.map { "(" + $0 } ?? "+"
            let ends = try await redis.pipeline([
                RedisCommand("XREVRANGE", [stream, start, "-", "COUNT", "1"]),
                RedisCommand("XRANGE", [stream, "-", "+", "COUNT", "1"]),
            ])
            if let error = ends.lazy.compactMap(\.error).first { throw CurfewError(error, stream) }
            guard let newest = ends[0].elements.first.map(StreamEntry.init),
                let oldest = ends[1].elements.first.map(StreamEntry.init)
            else { return Page() }
            return try await page(count, in: Self.ranges(from: newest.id, to: oldest.id))
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.server, "\(error)")
        }
    }

    /// The parts, newest first, each with its highest and its lowest id.
    private static func ranges(from newest: String, to oldest: String) -> [(from: String, to: String)] {
        func time(_ id: String) -> Int64 { id.split(separator: "-").first.flatMap { Int64($0) } ?? 0 }
        let (first, last) = (time(newest), time(oldest))
        let step = (first - min(first, last)) / parts + 1
        var ranges: [(from: String, to: String)] = []
        var high = first
        while high >= last {
            let low = max(last, high - step + 1)
            ranges.append((high == first ? newest : String(high), String(low)))
            high = low - 1
        }
        return ranges
    }

    private func page(_ count: Int, in ranges: [(from: String, to: String)]) async throws -> Page {
        let budget = Budget()
        let found = try await withThrowingTaskGroup(of: Found.self) { group in
            var found: [Found?] = ranges.map { _ in nil }
            var rest = ranges.indices.makeIterator()
            for _ in 0..<Self.mostAtOnce {
                if let part = rest.next() { group.addTask { try await search(part, ranges[part], count, budget) } }
            }
            while let next = try await group.next() {
                found[next.part] = next
                // What is newer is whole, and enough: the older parts aren't needed.
                let ready = found.prefix { $0 != nil }.compactMap(\.self)
                if ready.reduce(0, { $0 + $1.entries.count }) >= count { break }
                if let part = rest.next() { group.addTask { try await search(part, ranges[part], count, budget) } }
            }
            group.cancelAll()
            return found.prefix { $0 != nil }.compactMap(\.self)
        }
        var page = Page(examined: budget.examined)
        for one in found {
            page.entries += one.entries
            if page.entries.count >= count {
                page.entries.removeLast(page.entries.count - count)
                page.next = page.entries.last?.id
                return page
            }
            guard let place = one.stoppedBefore else { continue }
            page.next = place
            page.isCut = true
            return page
        }
        return page
    }

    private func search(
        _ part: Int, _ range: (from: String, to: String), _ count: Int, _ budget: Budget
    ) async throws -> Found {
        var found = Found(part: part)
        var start = range.from
        while true {
            guard budget.examined < most else {
                found.stoppedBefore =
                    start.hasPrefix("(") ? String(start.dropFirst()) : Int64(start).map { "\($0 + 1)-0" } ?? start
                return found
            }
            try Task.checkCancellation()
            let (values, isFull) = try await StreamPage.values(
                "XREVRANGE", of: stream, from: start, to: range.to, redis)
            budget.add(values.count)
            for value in values where isOfRecord(value[1]) {
                let entry = StreamEntry(value)
                if cleanup == nil || entry["cleanup"] == cleanup { found.entries.append(entry) }
            }
            guard isFull, found.entries.count < count, let last = values.last?[0].string else { return found }
            start = "(" + last
        }
    }

    private static let name = Array(Event.Field.record.rawValue.utf8)
    /// Where the record is among the fields that Curfew writes.
    private static let usualPlace = 2 * (Event.Field.allCases.firstIndex(of: .record) ?? 0)

    /// Whether the fields of an entry are those of an event of the record.
    private func isOfRecord(_ fields: RedisValue) -> Bool {
        if fields[Self.usualPlace].holds(Self.name) { return fields[Self.usualPlace + 1].holds(record) }
        return fields.fields().contains { $0.name.holds(Self.name) && $0.value.holds(record) }
    }
}
