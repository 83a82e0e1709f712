internal import Foundation
internal import Logging
internal import Policies
internal import RedisClient

/// Logs to standard error as JSON, one object per line.
///
/// A line has `time` (ISO 8601, UTC), `level`, `source` and `message`, and the keys of its metadata beside them; one that
/// is called like one of the four ends in `_`. Whole numbers that the code logs as such are numbers, all other values
/// are strings: an id that looks like a number stays a string.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var facts = metadata
        if let provided = metadataProvider?.get() { facts.merge(provided) { $1 } }
        facts.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { facts["error"] = "\(error)" }
        var line: [String: JSONLogValue] = [:]
        for (key, value) in facts { line[Self.reserved.contains(key) ? key + "_" : key] = JSONLogValue(value) }
        let time = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let head = [
            ("time", time), ("level", event.level.rawValue), ("source", event.source),
            ("message", event.message.description),
        ]
        var text = head.map { "\"\($0)\":\(JSONLogValue.text($1).json)" }.joined(separator: ",")
        if !line.isEmpty { text += "," + JSONLogValue.object(line).json.dropFirst().dropLast() }
        _ = Output.failure(of: Array("{\(text)}\n".utf8), to: FileHandle.standardError.fileDescriptor)
    }

    private static let reserved: Set<String> = ["time", "level", "source", "message"]
}

/// A value of a log line.
private indirect enum JSONLogValue: Encodable {
    case number(Int64)
    case text(String)
    case list([JSONLogValue])
    case object([String: JSONLogValue])

    init(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): self = .text(text)
        case .stringConvertible(let number as any BinaryInteger):
            self = Int64(exactly: number).map { .number($0) } ?? .text("\(number)")
        case .stringConvertible(let amount as Amount):
            self = amount.whole.map { .number($0) } ?? .text("\(amount)")
        case .stringConvertible(let other): self = .text(other.description)
        case .array(let list): self = .list(list.map { JSONLogValue($0) })
        case .dictionary(let members): self = .object(members.mapValues { JSONLogValue($0) })
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text.readable)
        case .list(let list): try container.encode(list)
        case .object(let members): try container.encode(members)
        }
    }

    /// The value as JSON, with everything escaped that would mislead a terminal.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(self), as: UTF8.self).escapedForTerminals
        } catch {
            // Strings, whole numbers, lists and objects of them are always JSON.
            return "\"\""
        }
    }
}

extension String {
    /// JSON with each character that controls or misleads a terminal as `\uXXXX`, which means the same.
    fileprivate var escapedForTerminals: String {
        guard unicodeScalars.contains(where: \.steersTerminals) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            guard scalar.steersTerminals else { return text.unicodeScalars.append(scalar) }
            for unit in String(Character(scalar)).utf16 {
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
    }
}
