internal import RedisClient

/// Reads Curfew's streams, newest first, a page at a time.
package struct History: Sendable {
    let redis: RedisClient
    /// The most entries that a filtered reading looks through.
    static let mostRead = 100_000

    /// The last entries of a stream that pass, newest first.
    package func last(
        _ count: Int, of stream: String, where passes: (StreamEntry) -> Bool = { _ in true }
    ) async throws(CurfewError) -> [StreamEntry] {
        var found: [StreamEntry] = []
        var end = "+"
        var seen = 0
        while found.count < count, seen < Self.mostRead {
            let page = try await read("XREVRANGE", of: stream, from: end, to: "-")
            for entry in page.entries where found.count < count && passes(entry) { found.append(entry) }
            guard page.isFull, let last = page.entries.last else { break }
            seen += page.entries.count
            end = "(" + last.id
        }
        return found
    }

    /// One page of a stream's entries, newest first, and where the next one begins.
    package struct Page: Sendable {
        /// The entries that pass.
        package var entries: [StreamEntry] = []
        /// The id of the last entry that was looked at, where there may be more; nil at the end.
        package var next: String?
    }

    /// The entries of a stream that pass, newest first, from before that id on.
    ///
    /// Looks through a bounded number of entries: a page may then have fewer entries than asked for, even none, and still
    /// say where to go on.
    ///
    /// - Parameters:
    ///   - before: the id that a page ended with; nil begins with the newest entry.
    ///   - oldest: the id that the last entry has at least; `-` for the beginning.
    package func page(
        of stream: String, _ count: Int, before: String?, from oldest: String = "-",
        where passes: (StreamEntry) -> Bool = { _ in true }
    ) async throws(CurfewError) -> Page {
        var page = Page()
        // Nothing is before the first of all ids, and Redis takes the question for a mistake.
        guard before?.allSatisfy({ "0-".contains($0) }) != true else { return page }
        var end = before.map { "(" + $0 } ?? "+"
        var seen = 0
        while seen < Self.mostPaged {
            let part = try await read("XREVRANGE", of: stream, from: end, to: oldest)
            for entry in part.entries {
                // One more than asked for shows whether there are more.
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

    /// The most entries that one page looks through.
    static let mostPaged = 10_000

    /// Entries of a stream after that id, oldest first; at most a thousand, and fewer where they are large.
    package func entries(of stream: String, after id: String) async throws(CurfewError) -> [StreamEntry] {
        try await read("XRANGE", of: stream, from: "(" + id, to: "+", count: 1_000).entries
    }

    /// New entries of a stream after that id (`$` = from now on), waiting up to that long for them.
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
