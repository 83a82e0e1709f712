internal import Curfew
internal import Foundation
internal import Tracing

/// OTLP's messages as JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
///
/// Integers of 64 bits are texts there, ids are hexadecimal, enumerations are numbers.
enum OTLP {
    /// A key with a value.
    struct Attribute: Encodable, Hashable {
        var key: String
        var value: Value

        init(_ key: String, _ text: String) {
            (self.key, value) = (key, Value(stringValue: text))
        }

        init(_ key: String, _ value: Value) {
            (self.key, self.value) = (key, value)
        }
    }

    /// A value; one of the fields is set.
    struct Value: Encodable, Hashable {
        var stringValue: String?
        var intValue: String?
        var doubleValue: Double?
        var boolValue: Bool?
    }

    /// Who sends.
    struct Resource: Encodable {
        var attributes: [Attribute]
    }

    /// What measures.
    struct Scope: Encodable {
        var name = "curfew"
        var version = CurfewVersion.current
    }

    /// The body of `/v1/traces`.
    struct Traces: Encodable {
        var resourceSpans: [ResourceSpans]

        struct ResourceSpans: Encodable {
            var resource: Resource
            var scopeSpans: [ScopeSpans]
        }

        struct ScopeSpans: Encodable {
            var scope = Scope()
            var spans: [Span]
        }

        struct Span: Encodable {
            var traceId: String
            var spanId: String
            var parentSpanId: String?
            var name: String
            var kind: Int
            var startTimeUnixNano: String
            var endTimeUnixNano: String
            var attributes: [Attribute]
            var events: [Event]
            var status: Status?
        }

        struct Event: Encodable {
            var timeUnixNano: String
            var name: String
            var attributes: [Attribute]
        }

        struct Status: Encodable {
            var code: Int
            var message: String?
        }

        init(_ spans: [FinishedSpan], from resource: Resource) {
            resourceSpans = [ResourceSpans(resource: resource, scopeSpans: [ScopeSpans(spans: spans.map(Span.init))])]
        }
    }

    /// A message as text.
    static func text(_ message: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return String(decoding: try encoder.encode(message), as: UTF8.self)
    }
}

extension OTLP.Traces.Span {
    init(_ span: FinishedSpan) {
        traceId = span.place.trace
        spanId = span.place.span
        parentSpanId = span.parent
        name = span.name
        kind =
            switch span.kind {
            case .server: 2
            case .client: 3
            case .producer: 4
            case .consumer: 5
            default: 1
            }
        startTimeUnixNano = String(span.start)
        endTimeUnixNano = String(max(span.start, span.end))
        attributes = OTLP.attributes(span.attributes)
        events = span.events.map {
            OTLP.Traces.Event(
                timeUnixNano: String($0.nanosecondsSinceEpoch), name: $0.name,
                attributes: OTLP.attributes($0.attributes))
        }
        status = span.status.map {
            OTLP.Traces.Status(code: $0.code == .ok ? 1 : 2, message: $0.message.map { String($0.prefix(1_000)) })
        }
    }
}

extension OTLP {
    /// The longest text of an attribute, in characters.
    private static let longest = 1_000

    /// The attributes of a span, by their names.
    static func attributes(_ all: SpanAttributes) -> [Attribute] {
        var list: [Attribute] = []
        all.forEach { key, value in list.append(Attribute(key, Self.value(value))) }
        return list.sorted { $0.key < $1.key }
    }

    private static func value(_ attribute: SpanAttribute) -> Value {
        switch attribute {
        case .int32(let number): Value(intValue: String(number))
        case .int64(let number): Value(intValue: String(number))
        case .double(let number): Value(doubleValue: number)
        case .bool(let flag): Value(boolValue: flag)
        case .string(let text): Value(stringValue: String(text.prefix(longest)))
        case .stringConvertible(let text): Value(stringValue: String("\(text)".prefix(longest)))
        // No span of Curfew has lists.
        default: Value(stringValue: String("\(attribute)".prefix(longest)))
        }
    }
}
