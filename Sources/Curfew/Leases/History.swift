internal import RedisClient

/// Reads Curfew's streams page by page, newest first.
package struct History: Sendable {
    let redis: RedisClient
    /// How many entries a filtered read may examine.
    static let mostRead = 100_000

    /// The last matching entries of a stream, newest first.
    package func last(
        _ count: Int, of stream: String, where passes: (StreamEntry) -> Bool = { _ in true }
    ) async throws(CurfewError) -> [StreamEntry] {
        try await search(count, of: stream, where: passes).entries
    }

    /// What a search found.
    package struct Found: Sendable {
        /// The matching entries, newest first.
        package var entries: [StreamEntry] = []
        /// How many entries were examined, if that was the most and there may be more matching ones; nil otherwise.
        package var cutAfter: Int?
    }

    /// The last matching entries of a stream, newest first, and whether everything was examined.
    ///
    /// - Parameter oldest: the lowest id; `-` for the beginning of the stream.
    package func search(
        _ count: Int, of stream: String, from oldest: String = "-",
        where passes: (StreamEntry) -> Bool = { _ in true }
    ) async throws(CurfewError) -> Found {
        var found = Found()
        var end = "+"
        var seen = 0
        while found.entries.count < count {
            guard seen < Self.mostRead else {
                found.cutAfter = seen
                return found
            }
            let page = try await read("XREVRANGE", of: stream, from: end, to: oldest)
            for entry in page.entries where found.entries.count < count && passes(entry) {
                found.entries.append(entry)
            }
            guard page.isFull, let last = page.entries.last else { break }
            seen += page.entries.count
            end = "(" + last.id
        }
        return found
    }

    /// One page of stream entries, newest first, and where the next page begins.
    package struct Page: Sendable {
        /// The matching entries.
        package var entries: [StreamEntry] = []
        /// The id of the last examined entry, if there may be more; nil at the end.
        package var next: String?
    }

    /// The matching entries of a stream before an id, newest first.
    ///
    /// It examines a limited number of entries, so a page may have fewer entries than requested, or none, and still
    /// have a next page.
    ///
    /// - Parameters:
    /// - before: the id that the previous page ended with; nil for the newest entry.
    /// - oldest: the lowest id; `-` for the beginning of the stream.
    package func page(
        of stream: String, _ count: Int, before: String?, from oldest: String = "-",
        where passes: (StreamEntry) -> Bool = { _ in true }
    ) async throws(CurfewError) -> Page {
        var page = Page()
        // No id is lower than the first one, and Redis rejects such a range.
        guard before?.allSatisfy({ "0-".contains($0) }) != true else { return page }
        var end = before.map { "(" + $0 } ?? "+"
        var seen = 0
        while seen < Self.mostPaged {
            let part = try await read("XREVRANGE", of: stream, from: end, to: oldest)
            for entry in part.entries {
                // One more than requested, to know whether there are more.
                if page.entries.count == count { return page }
                if passes(entry) { page.entries.append(entry) }
                page.next = entry.id
            }
            guard part.isFull, let last = part.entries.last else {
                page.next = nil
                return page
            }
            seen += part.entries.count
            end = "(" + last.id
        }
        return page
    }

    /// How many entries one page may examine.
    static let mostPaged = 10_000

    /// How many new entries one command asks for: Redis answers it within about a millisecond.
    package static let mostNew = 500

    /// The entries after an id, oldest first; at most ``mostNew``, or fewer if they are large.
    package func entries(of stream: String, after id: String) async throws(CurfewError) -> [StreamEntry] {
        try await read("XRANGE", of: stream, from: "(" + id, to: "+", count: Self.mostNew).entries
    }

    /// Throws where a stream can't be the one of which an entry with that id was read: it was deleted and begun anew, and the
    /// server's clock was set back, so that its ids are lower and nothing of it would come for a long time.
    ///
    /// That is what the last id says that it has given out, which stays where entries are deleted. Where there is no stream
    /// now, or no right to ask, nothing can be told.
    package func checkGoesOn(_ stream: String, behind id: String) async throws(CurfewError) {
        let reply: RedisValue
        do {
            reply = try await redis.pipeline([RedisCommand("XINFO", ["STREAM", stream])])[0]
        } catch {
            throw CurfewError(error)
        }
        let fact = reply.error == nil ? reply.fields().first { $0.name.string == "last-generated-id" } : nil
        guard let last = fact?.value.string, let given = Self.numbers(last), let read = Self.numbers(id), given < read
        else {
            return
        }
        throw CurfewError(
            .damaged,
            "\(stream) was begun anew: \(id) was read, and the last id that it has given out is \(last): read it from its "
                + "beginning")
    }

    /// The two numbers of an entry's id.
    private static func numbers(_ id: String) -> (UInt64, UInt64)? {
        let parts = id.split(separator: "-").map { UInt64($0) }
        guard parts.count == 2, let time = parts[0], let number = parts[1] else { return nil }
        return (time, number)
    }

    /// The new entries after an id (`$` = from now on); waits up to that long for them.
    package func next(of stream: String, after id: String, within wait: Duration) async throws(CurfewError)
        -> [StreamEntry]
    {
        let page = try await read("XRANGE", of: stream, from: "(" + id, to: "+")
        if !page.entries.isEmpty { return page.entries }
        do {
            try await Task.sleep(for: wait)
        } catch {
            return []
        }
        return []
    }

    private func read(
        _ command: String, of stream: String, from start: String, to end: String, count: Int = StreamPage.most
    ) async throws(CurfewError) -> StreamPage {
        do {
            return try await StreamPage(command, of: stream, from: start, to: end, count: count, redis)
        } catch {
            throw CurfewError(error)
        }
    }
}
