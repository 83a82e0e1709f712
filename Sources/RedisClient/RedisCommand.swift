internal import NIOCore

/// One command, encoded for the wire as its arguments are appended.
///
/// Appending writes each argument where it will be sent from, so that a command is copied once at most on its way to
/// the socket.
package struct RedisCommand: Sendable {
    /// Whether the command may be sent again when the connection was lost before its reply came.
    ///
    /// True for all that only read, which is known by their names, and for writes that were made ``repeatable(_:_:)``.
    package private(set) var isIdempotent = false

    /// How much is read of the reply, and of all others that come with it.
    package var replySize = ReplySize.usual

    /// How many words have been appended, the command's name included.
    package private(set) var count = 0

    /// The words as they go on the wire, each with its length before it, and zeros where there is room for more.
    private var bytes: [UInt8]
    /// Where the room begins.
    private var end = 0

    /// What `*<count>\r\n`, which goes before the words, takes at most.
    private static let headerCapacity = 16
    /// What goes with a word takes at most, its length and the ends of two lines: it is far shorter than 10¹¹ bytes.
    private static let frameCapacity = 16

    /// An empty command, with room for so many bytes on the wire.
    ///
    /// The first word appended is its name.
    package init(capacity: Int) {
        bytes = Array(repeating: 0, count: capacity)
    }

    /// A write that leaves the same however often it runs, so that it may be sent again.
    package static func repeatable(_ name: String, _ arguments: [String] = []) -> RedisCommand {
        var command = RedisCommand(name, arguments)
        command.isIdempotent = true
        return command
    }

    /// A command that only reads, to be appended to, with room for so many bytes on the wire.
    ///
    /// For what is made by the thousand: that the name is one of a command that reads is looked up by tests alone.
    package init(reading name: String, capacity: Int) {
        assert(Self.isRead(name, nil), "\(name) is not known to read only")
        self.init(capacity: capacity)
        isIdempotent = true
        append(name)
    }

    /// A command of a name and its arguments.
    ///
    /// A name of two words (`CLIENT SETNAME`) is given as name and argument.
    package init(_ name: String, _ arguments: [String] = []) {
        var capacity = name.utf8.count + Self.frameCapacity
        for argument in arguments {
            capacity += argument.utf8.count + Self.frameCapacity
        }
        self.init(capacity: capacity)
        isIdempotent = Self.isRead(name, arguments.first)
        append(name)
        for argument in arguments {
            append(argument)
        }
    }

    /// Appends a word of text: the bytes that it holds, see ``ByteText``.
    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            if ByteText.mayHold(utf8) {
                append(ByteText.bytes(ofHeld: utf8))
            } else {
                append(utf8)
            }
        }
    }

    /// Appends a word of any bytes.
    package mutating func append(_ bytes: some Sequence<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ append($0) }) == nil {
            Array(bytes).withUnsafeBufferPointer { append($0) }
        }
    }

    /// Appends a whole number in decimal.
    package mutating func append(_ number: Int) {
        append(String(number))
    }

    /// Appends a whole number in decimal.
    package mutating func append(_ number: Int64) {
        append(String(number))
    }

    /// Appends all words of another command: for a part that is the same in many, or was collected on the side.
    package mutating func append(wordsOf other: RedisCommand) {
        count += other.count
        write(atMost: other.end) { cursor in
            other.body.withUnsafeBytes { cursor.write($0) }
        }
    }

    /// The same call of a function, for a server that has the functions as a script: `EVALSHA digest`, then what the call
    /// says after the function's name, and that name last.
    ///
    /// A command that calls no function is given back as it is.
    package func calling(script digest: String) -> RedisCommand {
        var words = Words(body)
        guard let name = words.nextText(), Self.namesKeyed.contains(name), let function = words.next() else {
            return self
        }
        var command = RedisCommand(capacity: end + digest.utf8.count + 2 * Self.frameCapacity)
        command.isIdempotent = isIdempotent
        command.append("EVALSHA")
        command.append(digest)
        command.count += count - 2
        command.write(atMost: words.rest.count) { cursor in
            words.rest.withUnsafeBytes { cursor.write($0) }
        }
        command.append(function)
        return command
    }

    private mutating func append(_ word: UnsafeBufferPointer<UInt8>) {
        count += 1
        write(atMost: word.count + Self.frameCapacity) { cursor in
            cursor.writeHeader(ascii: UInt8(ascii: "$"), word.count)
            cursor.write(UnsafeRawBufferPointer(word))
            cursor.writeLineEnd()
        }
    }

    private mutating func write(atMost room: Int, _ body: (inout WireCursor) -> Void) {
        if bytes.count - end < room {
            bytes += [UInt8](repeating: 0, count: max(room, bytes.count))
        }
        let start = end
        end = bytes.withUnsafeMutableBytes { target in
            var cursor = WireCursor(target, at: start)
            body(&cursor)
            return cursor.offset
        }
    }

    /// The words as they go on the wire, each with its length before it.
    var body: ArraySlice<UInt8> { bytes[..<end] }

    /// How many bytes the command takes on the wire, at most.
    var maximumByteCount: Int { Self.headerCapacity + end }

    /// The whole command as it goes on the wire.
    var encoded: ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: maximumByteCount)
        write(to: &copy)
        return copy
    }

    /// Writes the whole command at the end of a buffer.
    func write(to target: inout ByteBuffer) {
        target.writeWithUnsafeMutableBytes(minimumWritableBytes: maximumByteCount) { target in
            var cursor = WireCursor(target)
            cursor.writeHeader(ascii: UInt8(ascii: "*"), count)
            body.withUnsafeBytes { cursor.write($0) }
            return cursor.offset
        }
    }
}

extension RedisCommand {
    /// The command for messages.
    ///
    /// Its name, with the word after it where that says what it does (`FCALL curfew_commit`, `CLIENT SETNAME`). Never anything else of the arguments, which may be secret.
    package var name: String {
        var words = Words(body)
        guard let first = words.nextText()?.uppercased() else { return "(empty)" }
        guard Self.containers.contains(first), let second = words.nextText() else { return first }
        let subject = Self.namesKeyed.contains(first) ? second : second.uppercased()
        return "\(first) \(subject)"
    }

    fileprivate static let namesKeyed: Set<String> = ["FCALL", "FCALL_RO"]
    private static let containers: Set<String> = [
        "FCALL", "FCALL_RO", "FUNCTION", "CLIENT", "CONFIG", "CLUSTER", "ACL", "XGROUP", "XINFO", "SCRIPT", "OBJECT",
        "MEMORY", "SLOWLOG", "LATENCY", "COMMAND", "DEBUG",
    ]
}
