/// How far a scan is.
struct ScanPosition: Sendable, Equatable {
    /// The number of the lease that it is scanned under.
    var fence: String
    /// Where `SCAN` goes on at each server that it has begun with.
    var cursors: ScanCursors
    /// Keys walked past: about so many, since `SCAN` doesn't tell those that don't match.
    var seen: Int
    /// Entries that the index lacked.
    var added: Int
    /// All keys when the scan began; 0 where that is not known.
    var keys: Int

    /// The most keys that are believed: no server has so many, and a hundred times as many is still a number.
    static let mostKeys = 1 << 52

    /// A number of keys as a hash has it.
    static func count(_ text: String?) -> Int { max(0, min(text.flatMap { Int($0) } ?? 0, mostKeys)) }

    /// How far, 0…100, as good as it can be told.
    var percent: Int { keys > 0 ? min(99, seen * 100 / keys) : 0 }

    /// Back to the start.
    mutating func restart() {
        (cursors, seen) = (ScanCursors(), 0)
    }
}

/// Where `SCAN` goes on, server by server.
///
/// Kept as text in the hash of the scan: `0` before the start and after the end, the bare cursor of a single server, and
/// in a cluster `<process>=<cursor>` for each server that the scan has begun with, `<process>=done` for those it is
/// through with. A server that was restarted, or has taken another's place, is another process and begins anew; one that
/// comes while a scan goes on is scanned too. Keys that move meanwhile from a server that is still to be scanned to one
/// that is done are missed by this scan, and found by the next.
struct ScanCursors: Sendable, Equatable {
    private static let done = "done"

    private var places: [String: String] = [:]

    /// Before the start.
    init() {}

    /// Reads the text; what can't be read is begun anew.
    init(_ text: String) {
        for word in text.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let cursor = parts[parts.count - 1]
            let isNumber = !cursor.isEmpty && cursor.utf8.allSatisfy { (48...57).contains($0) }
            guard isNumber || (cursor == Self.done && parts.count == 2), word != "0" else { continue }
            places[parts.count == 2 ? parts[0] : ""] = cursor
        }
    }

    /// The text.
    var text: String {
        if let only = places[""] { return only == Self.done ? "0" : only }
        let words = places.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return words.isEmpty ? "0" : words.joined(separator: " ")
    }

    /// Where to go on at a server.
    subscript(_ server: ScanServer) -> String { places[server.process] ?? "0" }

    /// Whether nothing was scanned yet.
    var isAtStart: Bool { places.isEmpty }

    /// Whether a server's keys have all been walked past.
    func isThrough(with server: ScanServer) -> Bool { places[server.process] == Self.done }

    /// The server has answered with this cursor: 0 at the end.
    mutating func moved(to cursor: String, at server: ScanServer) {
        places[server.process] = cursor == "0" ? Self.done : cursor
    }

    /// Forgets servers that are no more.
    mutating func keep(_ servers: [ScanServer]) {
        let living = Set(servers.map(\.process))
        places = places.filter { living.contains($0.key) }
    }
}
