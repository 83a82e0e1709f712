import NIOCore
import NIOPosix

/// Just enough of a Redis client to enqueue jobs, with a connection for each command; an application has its own.
public struct ShopRedis: Sendable {
    /// An answer.
    public indirect enum Reply: Sendable, Equatable {
        case nothing
        case number(Int)
        case text(String)
        case list([Reply])

        /// The text of a text.
        public var text: String? { if case .text(let text) = self { text } else { nil } }
        /// The elements of a list.
        public var elements: [Reply] { if case .list(let elements) = self { elements } else { [] } }
    }

    /// Why a command failed.
    public struct Failure: Error, CustomStringConvertible {
        /// The answer of Redis.
        public let description: String
    }

    private let port: Int

    /// The server at a port of this host.
    public init(port: Int) {
        self.port = port
    }

    /// Sends a command and waits for its answer.
    @discardableResult
    public func send(_ words: String...) async throws -> Reply {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let command =
            "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: command))
            var received = ByteBuffer()
            for try await part in inbound {
                received.writeImmutableBuffer(part)
                var copy = received
                if let reply = try Self.parse(&copy) { return reply }
            }
            throw Failure(description: "Redis closed the connection")
        }
    }

    /// Reads an answer; nil if there is more to come.
    private static func parse(_ buffer: inout ByteBuffer) throws -> Reply? {
        guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
            let line = buffer.readString(length: end - buffer.readerIndex + 1)
        else { return nil }
        let text = String(line.dropLast().dropFirst())
        switch line.first {
        case "+": return .text(text)
        case "-": throw Failure(description: text)
        case ":": return .number(Int(text) ?? 0)
        case "$":
            guard let length = Int(text), length >= 0 else { return .nothing }
            guard let content = buffer.readString(length: length), buffer.readString(length: 2) != nil else {
                return nil
            }
            return .text(content)
        case "*":
            var elements: [Reply] = []
            for _ in 0..<(Int(text) ?? 0) {
                guard let element = try parse(&buffer) else { return nil }
                elements.append(element)
            }
            return .list(elements)
        default: throw Failure(description: "Redis answered \(line)")
        }
    }
}
