internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Policies
internal import RedisClient

/// Sends a mail to a server: one connection for each mail (RFC 5321, 3207, 4954).
///
/// It waits for each answer and uses no extension but STARTTLS and AUTH (PLAIN and LOGIN). A password is only sent
/// encrypted, unless the file says otherwise.
struct SMTPClient: Sendable {
    let server: MailServer
    /// How long everything may take.
    let timeout: Duration

    /// A conversation with the server.
    private struct Session {
        let channel: any Channel
        let replies: SMTPReplies
        /// What the server has offered, in capitals: `AUTH PLAIN LOGIN`.
        var offers: [String] = []

        /// Sends a line and reads its reply; throws if it is another one than expected.
        ///
        /// - Parameter name: the command in messages.
        func send(_ line: String, as name: String, expecting codes: Range<Int> = 200..<300) async throws -> SMTPReply {
            try await channel.writeAndFlush(ByteBuffer(string: line + "\r\n")).get()
            return try await read(name, expecting: codes)
        }

        func read(_ name: String, expecting codes: Range<Int> = 200..<300) async throws -> SMTPReply {
            let reply = try await replies.next()
            guard codes.contains(reply.code) else { throw SMTPError(reply, to: name) }
            return reply
        }
    }

    /// Sends a mail; returns when the server has accepted it.
    ///
    /// - Parameter text: the mail with line feeds as line ends.
    /// - Throws: why it wasn't accepted; see ``reason(_:)``.
    func send(_ text: String, from: String, to: String) async throws {
        try await withSession { session in
            _ = try await session.send("MAIL FROM:<\(from)>", as: "MAIL FROM")
            _ = try await session.send("RCPT TO:<\(to)>", as: "RCPT TO:<\(to)>")
            _ = try await session.send("DATA", as: "DATA", expecting: 300..<400)
            let content = MailMessage.transmission(of: text)
            try await session.channel.writeAndFlush(ByteBuffer(string: content)).get()
            _ = try await session.read("the mail")
        }
    }

    /// Connects and signs in, and sends nothing.
    func check() async throws {
        try await withSession { _ in }
    }

    private func withSession(_ body: (Session) async throws -> Void) async throws {
        let replies = SMTPReplies()
        let end = ContinuousClock.now.advanced(by: timeout)
        let context = try await context()
        let channel = try await connect(replies, context)
        let left = ContinuousClock.now.duration(to: end)
        let limit = channel.eventLoop.scheduleTask(in: TimeAmount(left)) {
            replies.end(SMTPError("no answer within \(timeout.text)"))
            channel.close(promise: nil)
        }
        defer {
            limit.cancel()
            // The server may also learn it from the end of the connection.
            channel.writeAndFlush(ByteBuffer(string: "QUIT\r\n"), promise: nil)
            channel.close(promise: nil)
        }
        try await withTaskCancellationHandler {
            do {
                try await body(try await open(channel, replies, context))
            } catch {
                // A write to a closed connection fails, but why it was closed is known to the reader.
                throw replies.end ?? error
            }
        } onCancel: {
            replies.end(CancellationError())
            channel.close(promise: nil)
        }
    }

    /// Greets, encrypts and signs in.
    private func open(_ channel: any Channel, _ replies: SMTPReplies, _ context: NIOSSLContext?) async throws -> Session
    {
        var session = Session(channel: channel, replies: replies)
        _ = try await session.read("the connection")
        session.offers = try await greet(session)
        if server.encryption == .required || server.encryption == .offered {
            if session.offers.contains("STARTTLS"), let context {
                _ = try await session.send("STARTTLS", as: "STARTTLS")
                try await encrypt(channel, replies, context)
                session.offers = try await greet(session)
            } else if server.encryption == .required {
                throw SMTPError("the server doesn't offer STARTTLS (starttls=offered sends the login unencrypted)")
            }
        }
        if let credentials = server.credentials { try await signIn(session, credentials) }
        return session
    }

    /// Says who is calling: the address, since the name may not be known to anybody.
    private func greet(_ session: Session) async throws -> [String] {
        let address = session.channel.localAddress?.ipAddress ?? "127.0.0.1"
        let name = address.contains(":") ? "[IPv6:\(address)]" : "[\(address)]"
        do {
            return try await session.send("EHLO \(name)", as: "EHLO").lines.dropFirst().map { $0.uppercased() }
        } catch let error as SMTPError where server.credentials == nil && server.encryption != .required {
            guard error.description.contains(" to EHLO") else { throw error }
            _ = try await session.send("HELO \(name)", as: "HELO")
            return []
        }
    }

    private func signIn(_ session: Session, _ credentials: WebAddress.Credentials) async throws {
        let ways = session.offers.filter { $0.hasPrefix("AUTH ") || $0.hasPrefix("AUTH=") }
            .flatMap { $0.dropFirst(5).split(separator: " ") }
        let (user, password) = (credentials.user, credentials.password.revealed)
        if ways.contains("PLAIN") {
            _ = try await session.send("AUTH PLAIN \(Self.base64("\0\(user)\0\(password)"))", as: "AUTH")
        } else if ways.contains("LOGIN") {
            _ = try await session.send("AUTH LOGIN", as: "AUTH", expecting: 300..<400)
            _ = try await session.send(Self.base64(user), as: "AUTH", expecting: 300..<400)
            _ = try await session.send(Self.base64(password), as: "AUTH")
        } else {
            let offered = ways.isEmpty ? "none" : ways.joined(separator: ", ")
            throw SMTPError("the server offers no login that Curfew knows: \(offered), expected PLAIN or LOGIN")
        }
    }

    private static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}

// MARK: - The connection

extension SMTPClient {
    /// Certificates may be renewed, so they are read for every connection.
    private func context() async throws -> NIOSSLContext? {
        guard server.encryption != .none else { return nil }
        let tls = server.tls
        return try await NIOThreadPool.singleton.runIfActive { try NIOSSLContext(reading: tls) }
    }

    private func connect(_ replies: SMTPReplies, _ context: NIOSSLContext?) async throws -> any Channel {
        let isEncrypted = server.encryption == .always
        let name = sniName
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(min(timeout, .seconds(10))))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if isEncrypted, let context {
                        try pipeline.addHandler(try NIOSSLClientHandler(context: context, serverHostname: name))
                    }
                    try pipeline.addHandler(replies)
                }
            }
            .connect(host: server.host, port: server.port).get()
    }

    /// Puts the encryption before the reader.
    private func encrypt(_ channel: any Channel, _ replies: SMTPReplies, _ context: NIOSSLContext) async throws {
        let name = sniName
        try await channel.eventLoop.submit {
            guard replies.isEmpty else { throw SMTPError("the server sent something between STARTTLS and encryption") }
            let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        }.get()
    }

    /// The host for its certificate; a numeric one is verified against the address of the connection.
    private var sniName: String? { NetworkAddress(server.host) == nil ? server.host : nil }

    /// Why a mail wasn't accepted, for people.
    func reason(_ error: any Error) -> String {
        if let error = error as? SMTPError { return error.description }
        return ConnectionFailure.reason(error, host: server.host, port: server.port, tls: server.tls, plain: "smtp://")
    }
}
