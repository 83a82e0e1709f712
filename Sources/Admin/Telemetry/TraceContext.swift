internal import Tracing

/// The place of a span in its trace: what `traceparent` carries (W3C Trace Context, §3.2).
struct TraceContext: Sendable, Equatable {
    /// 32 hexadecimal digits, not all zero.
    let trace: String
    /// 16 hexadecimal digits, not all zero.
    let span: String

    /// A place in a new trace, or below another one.
    init(below parent: TraceContext?) {
        trace = parent?.trace ?? Self.random() + Self.random()
        span = Self.random()
    }

    /// Parses a `traceparent`; nil if it isn't one, or of a version that isn't known.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "00", parts[3].utf8.count == 2, Self.isID(parts[1], digits: 32),
            Self.isID(parts[2], digits: 16), Self.isHexadecimal(parts[3])
        else { return nil }
        (trace, span) = (String(parts[1]), String(parts[2]))
    }

    /// The text of `traceparent`: always sampled.
    var text: String { "00-\(trace)-\(span)-01" }

    private static func isID(_ text: Substring, digits: Int) -> Bool {
        text.utf8.count == digits && isHexadecimal(text) && text.contains { $0 != "0" }
    }

    private static func isHexadecimal(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func random() -> String {
        let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

extension ServiceContext {
    private enum Key: ServiceContextKey {
        typealias Value = TraceContext
        static let nameOverride: String? = "traceparent"
    }

    /// The span that is going on.
    var traceContext: TraceContext? {
        get { self[Key.self] }
        set { self[Key.self] = newValue }
    }
}
