internal import CHiredis
internal import NIOCore

/// Decodes RESP2: bytes in, whole replies out.
///
/// A value of one connection, used by one thread at a time. What is not whole yet stays inside, within the limits.
/// A reply that has too many bytes is an error (`TOOLARGE`), and the next one is read as ever. After a failure every later
/// read fails in the same way.
final class RESPReader {
    private let reader: OpaquePointer

    /// A reader with limits for the bytes of a reply and for its values, on all levels together: more values are a failure.
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

    /// Sets what may be read from here on, of larger values.
    ///
    /// - Parameter isNew: whether it is for a new request, of which nothing was read yet.
    func limit(to size: ReplySize, isNew: Bool) {
        curfew_reader_limit(reader, UInt64(size.valueBytes), UInt64(size.bytes), isNew)
    }

    /// What came out of some bytes: the replies that are whole now, and why nothing can come after them.
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
