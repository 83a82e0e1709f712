internal import CHiredis
internal import NIOCore

/// Decodes RESP2: bytes in, complete replies out.
///
/// It belongs to one connection and is used by one thread at a time. Incomplete data stays inside, within the limits. A
/// reply with too many bytes becomes an error (`TOOLARGE`), and reading continues. After a failure every later read
/// fails in the same way.
final class RESPReader {
    private let reader: OpaquePointer

    /// Creates a reader with limits for the bytes and values of a reply, on all levels together; too many values are a
    /// failure.
    init(byteLimit: Int, elementLimit: Int) {
        let most = Int(UInt32.max) - 1
        guard let reader = curfew_reader_create(UInt64(min(byteLimit, most)), UInt64(min(elementLimit, most))) else {
            fatalError("out of memory")
        }
        self.reader = reader
    }

    deinit {
        curfew_reader_free(reader)
    }

    /// Sets the limits for larger values from here on.
    ///
    /// - Parameter isNew: whether they apply to a new request of which nothing was read yet.
    func limit(to size: ReplySize, isNew: Bool) {
        curfew_reader_limit(reader, UInt64(size.valueBytes), UInt64(size.bytes), isNew)
    }

    /// The result of decoding: the complete replies, and why no more can follow.
    struct Output {
        var tape: RedisTape?
        var failure: String?
    }

    /// Decodes the readable bytes of a buffer.
    func read(_ buffer: ByteBuffer) -> Output {
        buffer.withUnsafeReadableBytes { read($0) }
    }

    /// Decodes some bytes.
    func read(_ bytes: some Sequence<UInt8>) -> Output {
        Array(bytes).withUnsafeBytes { read($0) }
    }

    private func read(_ bytes: UnsafeRawBufferPointer) -> Output {
        let isSound = bytes.isEmpty || curfew_reader_feed(reader, bytes.baseAddress, bytes.count)
        let tape = curfew_reader_take(reader).map { RedisTape(adopting: $0) }
        return Output(tape: tape, failure: isSound ? nil : String(cString: curfew_reader_error(reader)))
    }
}
