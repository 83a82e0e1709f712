internal import NIOCore

/// One command, encoded for the wire as its arguments are appended.
///
/// Each argument is written to its final place, so a command is copied at most once on its way to the socket.
package struct RedisCommand: Sendable {
    /// Whether the command may be sent again if the connection is lost before its reply arrives.
    ///
    /// True for commands that only read, which are known by name, and for writes created with ``repeatable(_:_:)``.
    package private(set) var isIdempotent = false

    /// The size limit of the reply, and of all other replies to the same request.
    package var replySize = ReplySize.usual

    /// The number of words, including the command's name.
    package private(set) var count = 0

    /// The encoded words with their lengths, followed by zeros as reserved space.
    private var bytes: [UInt8]
    /// The start of the reserved space.
    private var end = 0

    /// The most bytes of `*<count>\r\n`, which precedes the words.
    private static let headerCapacity = 16
    /// The most bytes added to a word, its length and two line breaks: a word is far shorter than 10¹¹ bytes.
    private static let frameCapacity = 16

    /// Creates an empty command with space for that many bytes.
    ///
    /// The first appended word is its name.
    package init(capacity: Int) {
        bytes = Array(repeating: 0, count: capacity)
    }

    /// A write with the same effect however often it runs, so that it may be sent again.
    package static func repeatable(_ name: String, _ arguments: [String] = []) -> RedisCommand {
        var command = RedisCommand(name, arguments)
        command.isIdempotent = true
        return command
    }

    /// Creates a command that only reads, with space for that many bytes.
    ///
    /// For commands created by the thousand: only tests check that the name is one of a reading command.
    package init(reading name: String, capacity: Int) {
        assert(Self.isRead(name, nil), "\(name) is not known to read only")
        self.init(capacity: capacity)
        isIdempotent = true
        append(name)
    }

    /// Creates a command from its name and arguments.
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

    /// Appends a text: the bytes that it holds, see ``ByteText``.
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

    /// Appends all words of another command: for a part that many commands share or that was collected separately.
    package mutating func append(wordsOf other: RedisCommand) {
        count += other.count
        write(atMost: other.end) { cursor in
            other.body.withUnsafeBytes { cursor.write($0) }
        }
    }

    /// Appends some words of another command, which has them in that range of its bytes.
    mutating func append(wordsOf other: RedisCommand, in range: Range<Int>, count words: Int) {
        count += words
        write(atMost: range.count) { cursor in
            other.body[range].withUnsafeBytes { cursor.write($0) }
        }
    }

    /// Appends the words of another command, which are rows of columns, without some of the columns.
    mutating func append(wordsOf other: RedisCommand, without isLeftOut: [Bool]) {
        var words = 0
        write(atMost: other.end) { cursor in
            other.body.withUnsafeBytes { bytes in
                var (place, column) = (0, 0)
                while place < bytes.count {
                    // $<length>\r\n<word>\r\n
                    var length = 0
                    var end = place + 1
                    while bytes[end] != UInt8(ascii: "\r") {
                        length = length * 10 + Int(bytes[end] &- UInt8(ascii: "0"))
                        end += 1
                    }
                    end += length + 4
                    if !isLeftOut[column] {
                        cursor.write(UnsafeRawBufferPointer(rebasing: bytes[place..<end]))
                        words += 1
                    }
                    place = end
                    column = column + 1 == isLeftOut.count ? 0 : column + 1
                }
            }
        }
        count += words
    }

    /// The same function call for a server that has the functions as a script: `EVALSHA digest`, then the arguments of
    /// the call, then the function's name.
    ///
    /// A command that calls no function is returned unchanged.
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

    /// Makes room for so many more bytes.
    package mutating func reserve(_ room: Int) {
        let size = end + room
        guard size > bytes.count else { return }
        bytes = [UInt8](unsafeUninitializedCapacity: size) { target, count in
            _ = bytes[..<end].withUnsafeBufferPointer { target.update(fromContentsOf: $0) }
            target[end...].update(repeating: 0)
            count = size
        }
    }

    /// How many bytes the encoded words have.
    package var byteCount: Int { end }

    private mutating func write(atMost room: Int, _ body: (inout WireCursor) -> Void) {
        if bytes.count - end < room { reserve(max(room, bytes.count)) }
        let start = end
        end = bytes.withUnsafeMutableBytes { target in
            var cursor = WireCursor(target, at: start)
            body(&cursor)
            return cursor.offset
        }
    }

    /// The encoded words with their lengths.
    var body: ArraySlice<UInt8> { bytes[..<end] }

    /// The most bytes of the encoded command.
    var maximumByteCount: Int { Self.headerCapacity + end }

    /// The encoded command.
    var encoded: ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: maximumByteCount)
        write(to: &copy)
        return copy
    }

    /// Writes the encoded command at the end of a buffer.
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
    /// Its name, with the next word if that decides what it does (`FCALL curfew_commit`, `CLIENT SETNAME`). It never
    /// contains other arguments, which may be secret.
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
