internal import NIOCore
internal import Synchronization

/// An answer of a mail server: a code of three digits, and text.
struct SMTPReply: Sendable, Equatable {
    let code: Int
    /// The text of each line.
    let lines: [String]

    /// The answer for messages: short, and without control characters.
    var text: String {
        let text = ChatText.plain(lines.joined(separator: " "))
        return "\(code)" + (text.isEmpty ? "" : " \(text.prefix(200))")
    }
}

/// Why a mail was not accepted.
struct SMTPError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// The server refused a command.
    init(_ reply: SMTPReply, to command: String) {
        switch reply.code {
        case 530: description = "the server wants a login: it answered \(reply.text) to \(command)"
        case 534, 535: description = "the login was refused: the server answered \(reply.text)"
        default: description = "the server answered \(reply.text) to \(command)"
        }
    }
}

/// Reads the replies of a mail server, at the end of a channel.
final class SMTPReplies: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    /// The most bytes of one reply.
    private static let mostBytes = 64 << 10

    private struct State {
        /// Bytes without a line end so far.
        var rest = ByteBuffer()
        /// The lines of the reply that is being read.
        var lines: [String] = []
        /// Replies that nobody has asked for yet.
        var arrived: [SMTPReply] = []
        var waiting: CheckedContinuation<SMTPReply, any Error>?
        /// Why there are no more replies.
        var end: (any Error)?
        var bytes = 0
    }

    private let state = Mutex(State())

    /// The next reply.
    func next() async throws -> SMTPReply {
        try await withCheckedThrowingContinuation { continuation in
            let known: Result<SMTPReply, any Error>? = state.withLock { state in
                if !state.arrived.isEmpty { return .success(state.arrived.removeFirst()) }
                if let end = state.end { return .failure(end) }
                state.waiting = continuation
                return nil
            }
            if let known { continuation.resume(with: known) }
        }
    }

    /// Whether the server has sent nothing that wasn't read.
    ///
    /// What it sends before the encryption begins could be anybody's.
    var isEmpty: Bool {
        state.withLock { $0.rest.readableBytes == 0 && $0.lines.isEmpty && $0.arrived.isEmpty }
    }

    /// Why the conversation has ended, if it has.
    var end: (any Error)? { state.withLock(\.end) }

    /// Ends the conversation; only the first reason counts.
    func end(_ reason: any Error) {
        let waiting = state.withLock { state in
            state.end = state.end ?? reason
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(throwing: reason)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        let answered: (CheckedContinuation<SMTPReply, any Error>, SMTPReply)?
        do {
            answered = try state.withLock { state in
                state.rest.writeBuffer(&part)
                try Self.parse(&state)
                guard let waiting = state.waiting, !state.arrived.isEmpty else { return nil }
                state.waiting = nil
                return (waiting, state.arrived.removeFirst())
            }
        } catch {
            end(error)
            context.close(promise: nil)
            return
        }
        if let (waiting, reply) = answered { waiting.resume(returning: reply) }
    }

    /// Takes whole lines off the bytes; a `-` after the code means that more lines follow.
    private static func parse(_ state: inout State) throws {
        while let end = state.rest.readableBytesView.firstIndex(of: 10) {
            let length = end - state.rest.readableBytesView.startIndex + 1
            state.bytes += length
            guard state.bytes <= mostBytes else { throw SMTPError("the server sent a reply without an end") }
            let line = state.rest.readString(length: length)?.filter { !$0.isNewline } ?? ""
            let digits = line.prefix(3)
            let isLast = line.dropFirst(3).first.map { $0 == " " } ?? true
            guard digits.count == 3, let code = Int(digits), (200...599).contains(code),
                isLast || line.dropFirst(3).first == "-"
            else {
                throw SMTPError("the server doesn't speak SMTP: it sent “\(ChatText.plain(String(line.prefix(80))))”")
            }
            state.lines.append(String(line.dropFirst(4)))
            guard isLast else { continue }
            state.arrived.append(SMTPReply(code: code, lines: state.lines))
            (state.lines, state.bytes) = ([], 0)
        }
        guard state.rest.readableBytes <= mostBytes, state.arrived.count < 16 else {
            throw SMTPError("the server sent a reply without an end")
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(SMTPError("the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(error)
        context.close(promise: nil)
    }
}
