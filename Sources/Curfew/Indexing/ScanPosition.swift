/// The progress of a scan.
struct ScanPosition: Sendable, Equatable {
    /// The fence of its lease.
    var fence: String
    /// The cursor at each server where it has started.
    var cursors: ScanCursors
    /// The approximate number of keys walked, since `SCAN` doesn't return those that don't match.
    var seen: Int
    /// The number of entries that the index lacked.
    var added: Int
    /// The number of keys when the scan started; 0 if unknown.
    var keys: Int

    /// The largest accepted number of keys: no server has that many, and a hundred times as many is still a valid
    /// number.
    static let mostKeys = 1 << 52

    /// A number of keys from a hash.
    static func count(_ text: String?) -> Int { max(0, min(text.flatMap { Int($0) } ?? 0, mostKeys)) }

    /// The approximate progress, 0…100.
    var percent: Int { keys > 0 ? min(99, seen * 100 / keys) : 0 }

    /// Goes back to the start.
    mutating func restart() {
        (cursors, seen) = (ScanCursors(), 0)
    }
}

/// The cursors of a scan, server by server.
///
/// They are stored as text in the hash of the scan: `0` before the start and after the end, the bare cursor of a single
/// server, and in a cluster `<process>=<cursor>` for each server where the scan has started, or `<process>=done` for
/// each that is complete. A server that was restarted or replaced is another process and is scanned from the start; a
/// server that joins during a scan is scanned too. Keys that move from an unfinished server to a finished one are
/// missed by this scan and found by the next.
struct ScanCursors: Sendable, Equatable {
    private static let done = "done"

    private var places: [String: String] = [:]

    /// Before the start.
    init() {}

    /// Parses the text; invalid text means the start.
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

    /// The cursor at a server.
    subscript(_ server: ScanServer) -> String { places[server.process] ?? "0" }

    /// Whether nothing was scanned yet.
    var isAtStart: Bool { places.isEmpty }

    /// Whether all keys of a server were walked.
    func isThrough(with server: ScanServer) -> Bool { places[server.process] == Self.done }

    /// Records the cursor that a server returned: 0 at the end.
    mutating func moved(to cursor: String, at server: ScanServer) {
        places[server.process] = cursor == "0" ? Self.done : cursor
    }

    /// Removes servers that no longer exist.
    mutating func keep(_ servers: [ScanServer]) {
        let living = Set(servers.map(\.process))
        places = places.filter { living.contains($0.key) }
    }
}
