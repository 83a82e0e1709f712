internal import Foundation
internal import Policies
internal import RedisClient

/// The text of a message with gaps for the fields of what happened: `<cleanup>: <message>`.
///
/// Anything in angle brackets that isn't a name stays as it is, and `<<` is a `<`.
package struct NoticeTemplate: Sendable, Hashable {
    enum Segment: Sendable, Hashable {
        case literal(String)
        /// A field; in JSON, also whether the gap is inside a text.
        case field(String, isInText: Bool)
    }

    /// Its parts, decoded.
    let segments: [Segment]
    /// Whether it is JSON: then values are escaped, and a gap outside of a text is a whole value.
    let isJSON: Bool

    /// The fields of its gaps, in order.
    var fields: [String] {
        segments.compactMap { if case .field(let name, _) = $0 { name } else { nil } }
    }

    /// Parses a text.
    init(_ text: String) {
        let segments = Self.segments(of: text.readable)
        self.segments = segments
        isJSON = Self.isJSON(segments)
    }

    /// Whether it begins as a JSON object does, so that it must be one.
    var beginsAsObject: Bool {
        guard case .literal(let start)? = segments.first else { return false }
        return start.first { !$0.isWhitespace } == "{"
    }

    /// The text with these values, which are decoded.
    func text(_ value: (String) -> String?) -> String {
        segments.map { segment in
            switch segment {
            case .literal(let literal): literal
            case .field(let name, _) where !isJSON: value(name) ?? ""
            case .field(let name, let isInText): Self.json(value(name), isInText: isInText)
            }
        }.joined()
    }

    private static func segments(of text: String) -> [Segment] {
        var found: [Segment] = []
        var literal = ""
        var (isInText, isEscaped) = (false, false)
        var rest = text[...]
        while let character = rest.first {
            if rest.hasPrefix("<<") {
                literal += "<"
                rest = rest.dropFirst(2)
            } else if let gap = rest.prefixMatch(of: /<([A-Za-z_][A-Za-z0-9_.\-]*)>/) {
                if !literal.isEmpty { found.append(.literal(literal)) }
                literal = ""
                found.append(.field(String(gap.output.1), isInText: isInText))
                rest = rest[gap.range.upperBound...]
            } else {
                if character == "\"", !isEscaped { isInText.toggle() }
                isEscaped = character == "\\" && !isEscaped
                literal.append(character)
                rest = rest.dropFirst()
            }
        }
        return literal.isEmpty ? found : found + [.literal(literal)]
    }

    /// Whether it is JSON, whatever the values are.
    private static func isJSON(_ segments: [Segment]) -> Bool {
        let sample = segments.map { segment in
            switch segment {
            case .literal(let literal): literal
            case .field(_, let isInText): isInText ? "0" : "null"
            }
        }.joined()
        guard sample.contains("{") || sample.contains("[") else { return false }
        do {
            _ = try JSONSerialization.jsonObject(with: Data(sample.utf8))
            // The first takes a comma at the end of an object, which receivers don't.
            if sample.drop(while: \.isWhitespace).first == "{" { _ = try JSONRecord(sample.held) }
            return true
        } catch {
            return false
        }
    }

    /// A value in JSON: numbers stay numbers, and what isn't there is `null`.
    private static func json(_ value: String?, isInText: Bool) -> String {
        guard isInText || value != nil else { return "null" }
        let text = value ?? ""
        if !isInText, text.count < 20, text.wholeMatch(of: /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?/) != nil { return text }
        let quoted = JSONText.string(text)
        return isInText ? String(quoted.dropFirst().dropLast()) : quoted
    }
}

extension NoticeTemplate {
    /// The fields that every message has.
    static let common = ["id", "subject", "severity", "text", "at", "at_ms", "receiver"]
    /// The fields of alerts, as in their stream.
    static let alertFields = [
        "alert", "state", "severity", "cleanup", "metric", "op", "threshold", "value", "since_ms", "run", "message",
    ]
    /// The fields of changes and warnings, as in their stream.
    static let eventFields = [
        "run", "cleanup", "record", "key", "action", "from", "to", "reason", "type", "tokens", "bytes", "before",
        "at_ms", "carry", "entries",
    ]
    /// The fields of runs, as in their stream.
    static let runFields = [
        "run", "cleanup", "policy", "instance", "fence", "trigger", "dry_run", "status", "due_ms", "started_ms",
        "finished_ms", "found", "changed", "retried", "skipped", "failed", "refunded", "bytes_freed", "absent",
        "actions", "error",
    ]

    /// What a template for these subjects can name.
    static func fields(of subjects: [Webhook.Subject], carried: [String]) -> [String] {
        var fields = common
        for subject in subjects {
            let own =
                switch subject {
                case .alert: alertFields
                case .warning, .change: eventFields + carried
                case .runLost, .runFailed: runFields
                }
            fields += own.filter { !fields.contains($0) }
        }
        return fields
    }
}

extension Section {
    /// A template with these fields; nil if it is absent or wrong.
    func noticeTemplate(_ key: String, _ fields: [String]) -> NoticeTemplate? {
        guard let text = text(key, expected: "the text of a message, like “<cleanup>: <text>”") else { return nil }
        let template = NoticeTemplate(text)
        let unknown = template.fields.filter { !fields.contains($0.held) }
        for name in unknown {
            // A value of the environment may be a secret.
            let guess = isExpanded(key) ? "a gap names an unknown field" : self.unknown("field “\(name)”", name, fields)
            problem(key, isExpanded(key) ? "\(guess) (expected one of \(fields.joined(separator: ", ")))" : guess)
        }
        if template.beginsAsObject, !template.isJSON {
            problem(key, "begins like JSON but isn't: expected JSON, with gaps in texts (\"<cleanup>\") or as values")
            return nil
        }
        return unknown.isEmpty ? template : nil
    }
}
