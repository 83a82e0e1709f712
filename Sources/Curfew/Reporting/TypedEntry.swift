internal import Foundation
internal import Policies

/// An entry of one of Curfew's streams as JSON for programs: names in camelCase, numbers as numbers.
///
/// The entries themselves have snake_case names and texts only, which scripts know. So a field whose name has an underscore
/// is there twice: as it is, and as `startedMs`, with its time as `startedAt`.
package struct TypedEntry: Sendable, Encodable {
    private let entry: StreamEntry

    /// Creates the JSON of an entry.
    package init(_ entry: StreamEntry) {
        self.entry = entry
    }

    /// The fields that are whole numbers, besides those whose names end with `_ms`.
    private static let integers: Set = [
        "fence", "found", "changed", "retried", "skipped", "failed", "refunded", "absent", "tokens", "bytes",
        "bytes_freed",
        "drift", "backlog", "stalled", "lateness",
    ]
    /// The fields that are any numbers.
    private static let numbers: Set = ["value"]
    /// The fields that are `0` or `1`.
    private static let flags: Set = ["dry_run"]
    /// The fields that are counts by name, as JSON.
    private static let counts: Set = ["actions"]
    /// The times, with the names that they have as ISO 8601.
    private static let times = [
        "at_ms": "at", "due_ms": "dueAt", "started_ms": "startedAt", "finished_ms": "finishedAt", "since_ms": "since",
    ]

    /// Encodes the fields, each under the names that it has.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(entry.id, forKey: Key("id"))
        for (name, text) in entry.fields {
            let key = Key(Self.camelCase(name))
            if key.stringValue != name { try container.encode(text, forKey: Key(name)) }
            if Self.flags.contains(name) {
                try container.encode(text == "1", forKey: key)
            } else if Self.integers.contains(name) || name.hasSuffix("_ms"), let number = Int64(text) {
                try container.encode(number, forKey: key)
            } else if Self.integers.contains(name), let amount = Amount(text: text) {
                try container.encode(amount, forKey: key)
            } else if Self.numbers.contains(name), let number = Double(text), number.isFinite {
                try container.encode(number, forKey: key)
            } else if Self.counts.contains(name), let counts = Self.counts(in: text) {
                try container.encode(counts, forKey: key)
            } else {
                try container.encode(text, forKey: key)
            }
            if let time = Self.times[name] {
                let moment = TimeText.moment(text)
                if !moment.isEmpty { try container.encode(moment, forKey: Key(time)) }
            }
        }
    }

    /// The counts in a JSON object; nil if it is none.
    package static func counts(in text: String) -> [String: Int64]? {
        do {
            return try JSONDecoder().decode([String: Int64].self, from: Data(text.utf8))
        } catch {
            return nil
        }
    }

    private static func camelCase(_ name: String) -> String {
        let words = name.split(separator: "_")
        guard words.count > 1, let first = words.first else { return name }
        return first + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
