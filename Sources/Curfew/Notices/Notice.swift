internal import Foundation
internal import Policies
internal import RedisClient

/// What is told of one stream entry.
struct Notice: Sendable {
    /// The most bytes of one value: a before-image can be as large as a record.
    static let mostValueBytes = 16 << 10

    /// The id, the same for every attempt and receiver: `curfew:alerts:1700000000000-0`.
    let id: String
    /// The id of the entry.
    let entry: String
    /// What it is about.
    let subject: Webhook.Subject
    /// When it happened, in Unix milliseconds on the clock of Redis.
    let atMs: Int64
    /// The entry's fields, cut, as held text.
    let data: [String: String]

    /// The notice of an entry; the stream is named without braces: `curfew:alerts`.
    init(_ entry: StreamEntry, of stream: String, subject: Webhook.Subject) {
        id = "\(stream):\(entry.id)"
        self.entry = entry.id
        self.subject = subject
        atMs = Int64(entry.id.prefix { $0 != "-" }) ?? 0
        data = Dictionary(entry.fields.map { ($0.name, $0.value.shortened(to: Self.mostValueBytes)) }) { first, _ in
            first
        }
    }

    /// The bytes of its values.
    var size: Int { data.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }

    /// When it happened.
    var time: Timestamp { Timestamp(milliseconds: atMs) }

    /// A field for people; empty if the entry doesn't have it.
    func text(_ name: String) -> String { data[name]?.readable ?? "" }

    /// Whether it is the end of an alert.
    var isResolved: Bool { subject == .alert && data["state"] == AlertState.resolved }

    /// How severe it is.
    var severity: AlertDefinition.Severity {
        switch subject {
        case .alert: AlertDefinition.Severity(rawValue: data["severity"] ?? "") ?? .warning
        case .warning: .warning
        case .change: .info
        case .runLost: .critical
        case .runFailed: ["failed", "lost"].contains(data["status"]) ? .critical : .warning
        }
    }
}

extension Notice {
    /// What happened, in one line for people.
    var line: String {
        let cleanup = text("cleanup")
        switch subject {
        case .alert:
            let message = text("message")
            return message.isEmpty ? "\(text("alert")): \(text("state"))" : message
        case .warning: return "\(cleanup): the owner of \(text("record")) is warned\(reason)"
        case .change:
            let (from, to) = (text("from"), text("to"))
            let states = from.isEmpty && to.isEmpty ? "" : " (\(from.isEmpty ? "no state" : from) → \(to))"
            return "\(cleanup): \(text("action")) \(text("record"))\(to.isEmpty ? "" : states)\(reason)"
        case .runLost, .runFailed:
            let status = text("status").replacing("_", with: " ")
            let error = text("error")
            return "\(cleanup): the run \(text("run")) \(Self.verb(status))" + (error.isEmpty ? "" : ": \(error)")
        }
    }

    /// A few words that begin a message.
    var title: String {
        switch subject {
        case .alert: isResolved ? "Resolved: \(text("alert"))" : "Firing: \(text("alert")) (\(severity.rawValue))"
        case .warning: "Warning"
        case .change: "Change"
        case .runLost: "Run lost"
        case .runFailed: "Run \(text("status").replacing("_", with: " "))"
        }
    }

    private var reason: String {
        let reason = text("reason")
        return reason.isEmpty ? "" : ": \(reason)"
    }

    private static func verb(_ status: String) -> String {
        switch status {
        case "refused", "lost": "was \(status)"
        default: status
        }
    }

    /// The value of a template's gap, decoded; nil if there is none.
    func value(of name: String, to receiver: String) -> String? {
        switch name {
        case "id": id
        case "subject": subject.rawValue
        case "severity": severity.rawValue
        case "text": line
        case "at": time.iso8601
        case "at_ms": String(atMs)
        case "receiver": receiver.readable
        default: carried(name.held)
        }
    }

    /// A field of the entry, or of the record if its cleanup copies the field into the event; nil if there is none.
    ///
    /// A copied field is under its own name, or in the object `carry`.
    func carried(_ name: String) -> String? {
        if let value = data[name] { return value.readable }
        guard let object = data["carry"] else { return nil }
        do {
            let fields = try JSONDecoder().decode([String: String].self, from: Data(ByteText.readable(object.utf8)))
            return fields[name.readable]
        } catch {
            return nil
        }
    }
}

extension Webhook.Subject {
    /// The streams with subjects of notices, by the last word of their keys.
    enum Stream: String, CaseIterable {
        case alerts, events, runs

        /// The key.
        func key(_ keys: Keys) -> String {
            switch self {
            case .alerts: keys.alerts
            case .events: keys.events
            case .runs: keys.runs
            }
        }
    }

    /// The stream of the subject.
    var stream: Stream {
        switch self {
        case .alert: .alerts
        case .warning, .change: .events
        case .runLost, .runFailed: .runs
        }
    }

    /// Whether an entry of its stream belongs to this subject.
    func includes(_ entry: StreamEntry) -> Bool {
        switch self {
        case .alert: return [AlertState.firing, AlertState.resolved].contains(entry["state"])
        case .warning: return entry["action"] == Change.Action.warn.rawValue
        case .change:
            // Errors changed nothing, and what people did names no record.
            return Change.Action(rawValue: entry["action"] ?? "") != nil && entry["record"]?.isEmpty == false
        case .runLost: return entry["status"] == "lost"
        case .runFailed: return ["failed", "refused", "lost", "timed_out"].contains(entry["status"])
        }
    }
}

extension NoticeTerms {
    /// The streams with the subjects, each once.
    var streams: [Webhook.Subject.Stream] {
        Webhook.Subject.Stream.allCases.filter { stream in subjects.contains { $0.stream == stream } }
    }

    /// The notice of an entry of a stream; nil if the receiver doesn't want it.
    func notice(_ entry: StreamEntry, of stream: Webhook.Subject.Stream, prefix: String) -> Notice? {
        guard let subject = subjects.first(where: { $0.stream == stream && $0.includes(entry) }) else { return nil }
        if let cleanups, !cleanups.contains(entry["cleanup"] ?? "") { return nil }
        let notice = Notice(entry, of: "\(prefix):\(stream.rawValue)", subject: subject)
        let order = AlertDefinition.Severity.allCases
        guard subject == .alert, let least = order.firstIndex(of: leastSeverity) else { return notice }
        return order.firstIndex(of: notice.severity).map { $0 >= least } == false ? nil : notice
    }
}
