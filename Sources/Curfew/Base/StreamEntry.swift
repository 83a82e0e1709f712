package import RedisClient

/// An entry of one of Curfew's streams.
package struct StreamEntry: Sendable {
    /// The entry's id, which begins with the time it was added in Unix milliseconds.
    package let id: String
    /// Names and values in the order in which they were written.
    package let fields: [(name: String, value: String)]

    /// An entry from its parts.
    package init(id: String, fields: [(name: String, value: String)]) {
        self.id = id
        self.fields = fields
    }

    /// Reads an entry of `XRANGE`, `XREVRANGE` or `XREAD`.
    package init(_ value: RedisValue) {
        id = value.count > 0 ? value[0].string ?? "" : ""
        fields = value[1].fields().map { ($0.name.string ?? "", $0.value.string ?? "") }
    }

    /// The entry as programs get it: its id, and its fields as texts.
    package var object: [String: String] {
        var object = Dictionary(fields.map { ($0.name, $0.value) }) { _, last in last }
        object["id"] = id
        return object
    }

    /// The value of a field.
    package subscript(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }
}

/// A page of a stream's entries, which hold what records hold: as many as fit.
package struct StreamPage: Sendable {
    /// The most entries that one command asks for.
    static let most = 500

    /// The entries, in the order that was asked for.
    package var entries: [StreamEntry]
    /// Whether there may be more behind them.
    package var isFull: Bool

    /// Reads the page, asking for half as many again and again where their replies would be too large.
    ///
    /// - Parameters:
    ///   - command: `XRANGE` or `XREVRANGE`.
    ///   - start: the id that the page begins at; in brackets of Redis, as all ids here: `(5-0`.
    ///   - end: the id that it ends at.
    package init(
        _ command: String, of stream: String, from start: String, to end: String, count: Int = most,
        _ redis: RedisClient
    ) async throws(RedisError) {
        var count = count
        while true {
            var command = RedisCommand(command, [stream, start, end, "COUNT", String(count)])
            // A single one is read however large it is.
            command.replySize = count > 1 ? .list : .usual
            do {
                let reply = try await redis.send(command)
                entries = reply.elements.map(StreamEntry.init)
                isFull = entries.count == count
                return
            } catch {
                guard error.isTooLarge, count > 1 else { throw error }
                count /= 2
            }
        }
    }
}
