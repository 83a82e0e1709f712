internal import CHiredis

/// A reply, or a part of one: a cheap view into memory shared by all replies that arrived together.
///
/// Errors are values, so that an error doesn't affect the other replies of its pipeline. An unexpected shape doesn't
/// trap: missing parts read as null. A value retains everything that arrived with it: copy what is kept for long.
package struct RedisValue: Sendable {
    /// The kind of a reply.
    package enum Kind: Sendable {
        /// Bytes, usually text: a bulk string or a simple one.
        case string
        /// An error of the server.
        case error
        /// A whole number.
        case integer
        /// Nothing: no such key, no such field.
        case null
        /// A list of replies.
        case array
    }

    private let tape: RedisTape
    private let index: Int

    init(tape: RedisTape, index: Int) {
        self.tape = tape
        self.index = index
    }

    /// The null reply.
    package static let null = RedisTape.oneNull.roots[0]

    /// The kind.
    package var kind: Kind {
        switch tape[index].kind {
        case UInt32(CURFEW_KIND_STRING.rawValue): .string
        case UInt32(CURFEW_KIND_ERROR.rawValue): .error
        case UInt32(CURFEW_KIND_INTEGER.rawValue): .integer
        case UInt32(CURFEW_KIND_ARRAY.rawValue): .array
        default: .null
        }
    }

    /// Whether it is null.
    package var isNull: Bool { kind == .null }

    /// The text of a string of any bytes, held as ``ByteText``; the decimal text of an integer; nil for anything else.
    package var string: String? {
        switch kind {
        case .string: tape.withBytes(at: index) { ByteText.held($0) }
        case .integer: String(tape[index].value)
        default: nil
        }
    }

    /// The bytes of a string; nil for anything else.
    package var bytes: [UInt8]? {
        kind == .string ? tape.withBytes(at: index) { Array($0) } : nil
    }

    /// Whether it is a string of exactly these bytes; nothing is copied to compare them.
    package func holds(_ bytes: [UInt8]) -> Bool {
        kind == .string && tape.withBytes(at: index) { $0.elementsEqual(bytes) }
    }

    /// An integer, or a string that is one.
    package var integer: Int64? {
        switch kind {
        case .integer: tape[index].value
        case .string: string.flatMap { Int64($0) }
        default: nil
        }
    }

    /// A number: an integer, or a string with a number (`1.5`, `inf`).
    package var double: Double? {
        switch kind {
        case .integer: Double(tape[index].value)
        case .string: string.flatMap { Double($0) }
        default: nil
        }
    }

    /// The error, if the reply is one.
    package var error: RedisServerError? {
        guard kind == .error else { return nil }
        return RedisServerError(message: tape.withBytes(at: index) { ByteText.held($0) })
    }

    /// The number of elements of an array; 0 for anything else.
    package var count: Int {
        kind == .array ? Int(tape[index].length) : 0
    }

    /// An element of an array; null if there is none.
    package subscript(_ position: Int) -> RedisValue {
        guard position >= 0, position < count else { return .null }
        return RedisValue(tape: tape, index: index + Int(tape[index].value) + position)
    }

    /// The elements of an array; empty for anything else.
    package var elements: [RedisValue] {
        (0..<count).map { self[$0] }
    }
}

extension RedisValue: Equatable {
    /// Whether both are equal: the same kinds, bytes and numbers on all levels.
    package static func == (left: RedisValue, right: RedisValue) -> Bool {
        guard left.kind == right.kind else { return false }
        return switch left.kind {
        case .null: true
        case .integer: left.integer == right.integer
        case .string: left.bytes == right.bytes
        case .error: left.error == right.error
        case .array: left.count == right.count && (0..<left.count).allSatisfy { left[$0] == right[$0] }
        }
    }
}

extension RedisValue: CustomStringConvertible {
    /// The reply on one line: `["a", 1, (nil)]`.
    package var description: String {
        switch kind {
        case .null: "(nil)"
        case .integer: String(tape[index].value)
        case .string: "\"\(tape.withBytes(at: index) { ByteText.held($0) })\""
        case .error: "(error) \(error?.message ?? "")"
        case .array: "[\((0..<count).map { self[$0].description }.joined(separator: ", "))]"
        }
    }
}
