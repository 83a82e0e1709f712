public import Foundation
public import Policies

/// What was done to a record, or by somebody to a cleanup, and why.
public struct CurfewEvent: Sendable, Identifiable {
    /// The id of the entry, after which reading can go on.
    public let id: String
    /// The run that did it; empty for what somebody did outside of one.
    public let run: String
    /// The cleanup.
    public let cleanup: String
    /// The record's id and key; empty for what is about the cleanup.
    public let record: String, key: String
    /// What was done: `fail`, `retry`, `remove`, …; `error` if nothing was, because of an error of the record.
    public let action: String
    /// The status before, and the one written.
    public let from: String, to: String
    /// Why, in a sentence.
    public let reason: String
    /// The tokens that were refunded; below zero if an undo took them back.
    public let tokens: Amount
    /// When, on the server's clock.
    public let at: Date
    /// All fields of the entry, by name.
    public let fields: [String: String]

    init?(_ entry: StreamEntry) {
        guard let cleanup = entry["cleanup"], let action = entry["action"] else { return nil }
        (id, self.cleanup, self.action) = (entry.id, cleanup, action)
        (run, record, key) = (entry["run"] ?? "", entry["record"] ?? "", entry["key"] ?? "")
        (from, to, reason) = (entry["from"] ?? "", entry["to"] ?? "", entry["reason"] ?? "")
        tokens = entry["tokens"].flatMap { Amount($0) } ?? 0
        at = entry.time("at_ms")
        fields = Dictionary(entry.fields.map { ($0.name, $0.value) }) { _, last in last }
    }
}

/// What became of an alert.
public struct CurfewAlert: Sendable, Identifiable {
    /// What an alert does.
    public struct State: Sendable, Hashable, CustomStringConvertible {
        /// The word in the stream.
        public let description: String
        /// Its definition is new, or has changed.
        public static let threshold = State(description: "threshold")
        /// It fires.
        public static let firing = State(description: "firing")
        /// It has resolved.
        public static let resolved = State(description: "resolved")
    }

    /// The id of the entry, after which reading can go on.
    public let id: String
    /// The name of the alert.
    public let alert: String
    /// What it does.
    public let state: State
    /// Its severity: `info`, `warning` or `critical`.
    public let severity: String
    /// The cleanup; `*` in a definition for each of them.
    public let cleanup: String
    /// The metric, and the value that crossed the threshold; nil in a definition.
    public let metric: String, value: Double?
    /// Since when it fires; nil in a definition.
    public let since: Date?
    /// The run that made it so; empty if it was none.
    public let run: String
    /// What happened, in a sentence.
    public let message: String
    /// All fields of the entry, by name.
    public let fields: [String: String]

    init?(_ entry: StreamEntry) {
        guard let alert = entry["alert"], let state = entry["state"] else { return nil }
        (id, self.alert, self.state) = (entry.id, alert, State(description: state))
        (severity, cleanup) = (entry["severity"] ?? "", entry["cleanup"] ?? "")
        (metric, value) = (entry["metric"] ?? "", entry["value"].flatMap { Double($0) })
        since = entry["since_ms"].flatMap { Int64($0) }.flatMap { $0 > 0 ? Date(milliseconds: $0) : nil }
        (run, message) = (entry["run"] ?? "", entry["message"] ?? "")
        fields = Dictionary(entry.fields.map { ($0.name, $0.value) }) { _, last in last }
    }
}

extension StreamEntry {
    /// The time in a field; otherwise when the entry was added.
    fileprivate func time(_ field: String) -> Date {
        Date(milliseconds: self[field].flatMap { Int64($0) } ?? Int64(id.prefix { $0 != "-" }) ?? 0)
    }
}
