internal import RedisClient

/// Reads Curfew's streams, newest first, a page at a time.
package struct History: Sendable {
    let engine: Engine
    /// The most entries that a filtered reading looks through.
    static let mostRead = 100_000

    /// Makes the reader on this engine.
    package init(engine: Engine) {
        self.engine = engine
    }

    /// The last entries of a stream that pass, newest first.
    package func last(
        _ count: Int, of stream: String, where passes: (StreamEntry) -> Bool = { _ in true }
    ) async throws(CurfewError) -> [StreamEntry] {
        var found: [StreamEntry] = []
        var end = "+"
        var read = 0
        while found.count < count, read < Self.mostRead {
            let page = try await send(RedisCommand("XREVRANGE", [stream, end, "-", "COUNT", "500"])).elements
            for entry in page.map(StreamEntry.init) where found.count < count && passes(entry) { found.append(entry) }
            guard page.count == 500, let last = page.last.map(StreamEntry.init) else { break }
            read += page.count
            end = "(" + last.id
        }
        return found
    }

    /// New entries of a stream after that id (`$` = from now on), waiting up to that long for them.
    package func next(of stream: String, after id: String, within wait: Duration) async throws(CurfewError)
        -> [StreamEntry]
    {
        let reply = try await send(RedisCommand("XRANGE", [stream, "(" + id, "+", "COUNT", "500"]))
        if reply.count > 0 { return reply.elements.map(StreamEntry.init) }
        do {
            try await Task.sleep(for: wait)
        } catch {
            return []
        }
        return []
    }

    private func send(_ command: RedisCommand) async throws(CurfewError) -> RedisValue {
        do {
            return try await engine.redis.send(command)
        } catch {
            throw CurfewError(error)
        }
    }
}
