internal import NIOCore

/// One command, encoded for the wire as its arguments are appended.
///
/// Appending writes each argument where it will be sent from, so that a command is copied once at most on its way to
/// the socket.
package struct RedisCommand: Sendable {
    /// Whether the command may be sent again when the connection was lost before its reply came.
    ///
    /// True for reads, and
    /// for writes that leave the same state however often they run. False unless said otherwise.
    package var isIdempotent = false

    /// How many words have been appended, the command's name included.
    package private(set) var count = 0

    /// Room for `*<count>\r\n`, which is known last, and then the words.
    private var buffer: ByteBuffer

    private static let headerCapacity = 16

    /// An empty command, with room for so many bytes on the wire.
    ///
    /// The first word appended is its name.
    package init(capacity: Int) {
        buffer = ByteBufferAllocator().buffer(capacity: Self.headerCapacity + capacity)
        buffer.moveWriterIndex(to: Self.headerCapacity)
        buffer.moveReaderIndex(to: Self.headerCapacity)
    }

    /// A command of a name and its arguments.
    ///
    /// A name of two words (`CLIENT SETNAME`) is given as name and argument.
    package init(_ name: String, _ arguments: [String] = [], isIdempotent: Bool = false) {
        var capacity = name.utf8.count + 16
        for argument in arguments {
            capacity += argument.utf8.count + 16
        }
        self.init(capacity: capacity)
        self.isIdempotent = isIdempotent
        append(name)
        for argument in arguments {
            append(argument)
        }
    }

    /// Appends a word of text.
    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    /// Appends a word of any bytes.
    package mutating func append(_ bytes: some Sequence<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ append($0) }) == nil {
            Array(bytes).withUnsafeBufferPointer { append($0) }
        }
    }

    /// Appends a whole number in decimal.
    package mutating func append(_ number: some BinaryInteger) {
        append(String(number))
    }

    /// Appends all words of another command: for a part that is the same in many, or was collected on the side.
    package mutating func append(wordsOf other: RedisCommand) {
        count += other.count
        buffer.writeImmutableBuffer(other.buffer)
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        count += 1
        _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count + 24) { target in
            var cursor = WireCursor(target)
            cursor.writeHeader(ascii: UInt8(ascii: "$"), bytes.count)
            cursor.write(UnsafeRawBufferPointer(bytes))
            cursor.writeLineEnd()
            return cursor.offset
        }
    }

    /// The words as they go on the wire, each with its length before it.
    var body: ByteBufferView { buffer.readableBytesView }

    /// How many bytes the command takes on the wire, at most.
    var maximumByteCount: Int { Self.headerCapacity + buffer.readableBytes }

    /// The whole command as it goes on the wire.
    var encoded: ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: maximumByteCount)
        write(to: &copy)
        return copy
    }

    /// Writes the whole command at the end of a buffer.
    func write(to target: inout ByteBuffer) {
        target.writeWithUnsafeMutableBytes(minimumWritableBytes: maximumByteCount) { bytes in
            var cursor = WireCursor(bytes)
            cursor.writeHeader(ascii: UInt8(ascii: "*"), count)
            buffer.withUnsafeReadableBytes { cursor.write($0) }
            return cursor.offset
        }
    }
}

extension RedisCommand {
    /// The command for messages.
    ///
    /// Its name, with the word after it where that says what it does (`FCALL curfew_commit`, `CLIENT SETNAME`). Never anything else of the arguments, which may be secret.
    package var name: String {
        var rest = buffer
        guard let first = Self.readWord(from: &rest)?.uppercased() else { return "(empty)" }
        guard Self.containers.contains(first), let second = Self.readWord(from: &rest) else { return first }
        let subject = Self.namesKeyed.contains(first) ? second : second.uppercased()
        return "\(first) \(subject)"
    }

    private static let namesKeyed: Set<String> = ["FCALL", "FCALL_RO"]
    private static let containers: Set<String> = [
        "FCALL", "FCALL_RO", "FUNCTION", "CLIENT", "CONFIG", "CLUSTER", "ACL", "XGROUP", "XINFO", "SCRIPT", "OBJECT",
        "MEMORY", "SLOWLOG", "LATENCY", "COMMAND", "DEBUG",
    ]

    private static func readWord(from rest: inout ByteBuffer) -> String? {
        let view = rest.readableBytesView
        guard let end = view.firstIndex(of: UInt8(ascii: "\r")),
            let length = Int(String(decoding: view[view.startIndex..<end].dropFirst(), as: UTF8.self))
        else { return nil }
        rest.moveReaderIndex(to: end + 2)
        let word = rest.readString(length: min(length, rest.readableBytes))
        rest.moveReaderIndex(forwardBy: min(2, rest.readableBytes))
        return word
    }
}
