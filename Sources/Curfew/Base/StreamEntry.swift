package import RedisClient

/// An entry of one of Curfew's streams.
package struct StreamEntry: Sendable {
    /// The entry's id, which begins with the time it was added in Unix milliseconds.
    package let id: String
    /// Names and values in stream order.
    package let fields: [(name: String, value: String)]

    /// Creates an entry from its parts.
    package init(id: String, fields: [(name: String, value: String)]) {
        self.id = id
        self.fields = fields
    }

    /// Parses an entry of `XRANGE`, `XREVRANGE` or `XREAD`.
    package init(_ value: RedisValue) {
        id = value.count > 0 ? value[0].string ?? "" : ""
        fields = value[1].fields().map { ($0.name.string ?? "", $0.value.string ?? "") }
    }

    /// The entry for programs: its id, and its fields as strings.
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

/// A page of stream entries.
///
/// Entries may be large, so a page has as many as fit.
package struct StreamPage: Sendable {
    /// How many entries one command requests.
    static let most = 500

    /// The entries, in the requested order.
    package var entries: [StreamEntry]
    /// Whether there may be more entries.
    package var isFull: Bool

    /// Reads the page; if the reply would be too large, requests half as many until it fits.
    ///
    /// - Parameters:
    /// - command: `XRANGE` or `XREVRANGE`.
    /// - start: the first id; may be exclusive in Redis syntax, like all ids here: `(5-0`.
    /// - end: the last id.
    package init(
        _ command: String, of stream: String, from start: String, to end: String, count: Int = most,
        _ redis: RedisClient
    ) async throws(RedisError) {
        let (values, isFull) = try await Self.values(command, of: stream, from: start, to: end, count: count, redis)
        entries = values.map(StreamEntry.init)
        self.isFull = isFull
    }

    /// The same entries as Redis sends them, for a search that decodes only what it is looking for.
    static func values(
        _ command: String, of stream: String, from start: String, to end: String, count: Int = most,
        _ redis: RedisClient
    ) async throws(RedisError) -> (entries: [RedisValue], isFull: Bool) {
        var count = count
        while true {
            var command = RedisCommand(command, [stream, start, end, "COUNT", String(count)])
            // A single entry is read however large it is.
            command.replySize = count > 1 ? .list : .usual
            do {
                let reply = try await redis.send(command)
                let entries = reply.elements
                return (entries, entries.count == count)
            } catch {
                guard error.isTooLarge, count > 1 else { throw error }
                count /= 2
            }
        }
    }
}
