internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// A real mail server on 127.0.0.1 that keeps what it gets and answers as a test wants.
package final class MailReceiver: Sendable {
    /// A mail that was accepted.
    package struct Mail: Sendable {
        /// The address after `MAIL FROM`.
        package var from = ""
        /// The addresses after `RCPT TO`.
        package var recipients: [String] = []
        /// All between `DATA` and the period, with its line ends and without the added periods.
        package var content = ""
        /// Whether the connection was encrypted.
        package var isEncrypted = false
        /// Who has signed in: `user:password`.
        package var login: String?

        /// A line of the header without its name.
        package func header(_ name: String) -> String? {
            let head = content.components(separatedBy: "\r\n\r\n")[0].replacingOccurrences(of: "\r\n ", with: " ")
            return head.components(separatedBy: "\r\n").first { $0.hasPrefix("\(name): ") }
                .map { String($0.dropFirst(name.count + 2)) }
        }

        /// The text after the header.
        package var text: String {
            content.components(separatedBy: "\r\n\r\n").dropFirst().joined(separator: "\r\n\r\n")
        }
    }

    /// What it does about a line.
    package enum Answer: Sendable {
        /// What a mail server does.
        case usual
        /// Answers this.
        case reply(String)
        /// Says nothing.
        case silence
        /// Hangs up.
        case hangUp
    }

    /// How it is set up.
    package struct Setting: Sendable {
        /// Its certificate; nil for a server without TLS.
        package var certificates: Certificates?
        /// Whether connections are encrypted from the start; otherwise it offers STARTTLS if it has a certificate.
        package var isEncrypted = false
        /// The ways to sign in: `PLAIN LOGIN`; empty for none.
        package var ways = ""
        /// Who may sign in; nil for a server without login.
        package var login: String?
        /// What it does about a line; the greeting is the answer to an empty one.
        package var answer: @Sendable (_ number: Int, _ line: String) -> Answer = { _, _ in .usual }

        /// Creates a server without TLS and login.
        package init() {}
    }

    private let setting: Setting
    private let context: NIOSSLContext?
    private let state = Mutex<(mails: [Mail], lines: [String])>(([], []))
    private let channel = Mutex<(any Channel)?>(nil)

    private init(_ setting: Setting) throws {
        self.setting = setting
        context = try setting.certificates.map { certificates in
            let chain = try NIOSSLCertificate.fromPEMFile("\(certificates.folder)/server.crt")
            let key = try NIOSSLPrivateKey(file: "\(certificates.folder)/server.key", format: .pem)
            return try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        }
    }

    /// Runs a body with a server.
    package static func withReceiver<Result>(
        _ setting: Setting = Setting(), port: Int = 0, _ body: (MailReceiver) async throws -> Result
    ) async throws -> Result {
        let receiver = try MailReceiver(setting)
        let bound = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if setting.isEncrypted, let context = receiver.context {
                        try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try pipeline.addHandler(Handler(receiver))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        receiver.channel.withLock { $0 = bound }
        do {
            let result = try await body(receiver)
            try await bound.close()
            return result
        } catch {
            try await bound.close()
            throw error
        }
    }

    /// The port it listens on.
    package var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    /// The mails it has accepted, in order.
    package var mails: [Mail] { state.withLock { $0.mails } }
    /// Every command it got, without the mails themselves.
    package var lines: [String] { state.withLock { $0.lines } }

    /// A conversation.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let receiver: MailReceiver
        private var bytes = ByteBuffer()
        private var mail = Mail()
        private var isInContent = false
        /// What of a login in steps is there.
        private var user: String?
        private var asked: String?

        init(_ receiver: MailReceiver) {
            self.receiver = receiver
        }

        func channelActive(context: ChannelHandlerContext) {
            act(on: "", context) { "220 mail.test ESMTP" }
            context.fireChannelActive()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var part = unwrapInboundIn(data)
            bytes.writeBuffer(&part)
            while let end = bytes.readableBytesView.firstIndex(of: 10) {
                let length = end - bytes.readableBytesView.startIndex + 1
                let line = bytes.readString(length: length) ?? ""
                take(line.hasSuffix("\r\n") ? String(line.dropLast()) : line, context)
            }
        }

        private func take(_ line: String, _ context: ChannelHandlerContext) {
            if isInContent {
                guard line == "." else {
                    mail.content += (line.hasPrefix(".") ? String(line.dropFirst()) : line) + "\r\n"
                    return
                }
                isInContent = false
                return act(on: ".", context) {
                    receiver.state.withLock { $0.mails.append(mail) }
                    mail = Mail(isEncrypted: mail.isEncrypted, login: mail.login)
                    return "250 kept"
                }
            }
            receiver.state.withLock { $0.lines.append(line) }
            act(on: line, context) { reply(to: line, context) }
        }

        private func act(on line: String, _ context: ChannelHandlerContext, usual: () -> String) {
            let number = receiver.state.withLock { $0.lines.count }
            switch receiver.setting.answer(number, line) {
            case .usual: send(usual(), context)
            case .reply(let text): send(text, context)
            case .silence: break
            case .hangUp: context.close(promise: nil)
            }
        }

        /// Nothing where the answer was sent already.
        private func send(_ text: String, _ context: ChannelHandlerContext) {
            guard !text.isEmpty else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
        }

        private func reply(to line: String, _ context: ChannelHandlerContext) -> String {
            if asked != nil { return signIn(line) }
            let word = line.prefix { $0 != " " && $0 != ":" }.uppercased()
            let needsLogin = receiver.setting.login != nil && mail.login == nil
            switch word {
            case "EHLO":
                return offers.enumerated().map { number, offer in
                    "250\(number == offers.count - 1 ? " " : "-")\(offer)"
                }.joined(separator: "\r\n")
            case "STARTTLS":
                encrypt(context)
                return ""
            case "AUTH": return begin(line)
            case "MAIL" where needsLogin: return "530 5.7.0 Authentication required"
            case "MAIL": mail.from = Self.address(in: line)
            case "RCPT": mail.recipients.append(Self.address(in: line))
            case "DATA":
                isInContent = true
                return "354 go on"
            case "QUIT": return "221 bye"
            default: break
            }
            return "250 fine"
        }

        private var isEncrypted: Bool { receiver.setting.isEncrypted || mail.isEncrypted }

        private var offers: [String] {
            mail.isEncrypted = isEncrypted
            var offers = ["mail.test", "8BITMIME"]
            if receiver.context != nil, !isEncrypted { offers.append("STARTTLS") }
            if !receiver.setting.ways.isEmpty { offers.append("AUTH \(receiver.setting.ways)") }
            return offers
        }

        private func encrypt(_ context: ChannelHandlerContext) {
            guard let tls = receiver.context else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "220 go on\r\n")), promise: nil)
            mail.isEncrypted = true
            do {
                try context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
            } catch {
                context.close(promise: nil)
            }
        }

        private func begin(_ line: String) -> String {
            let words = line.split(separator: " ")
            switch (words.dropFirst().first, words.dropFirst(2).first) {
            case ("PLAIN", let secret?):
                let parts = Self.decoded(String(secret)).split(separator: "\0")
                return finish(parts.joined(separator: ":"))
            case ("LOGIN", nil):
                asked = "user"
                return "334 VXNlcm5hbWU6"
            default: return "504 unknown"
            }
        }

        private func signIn(_ line: String) -> String {
            if asked == "user" {
                user = Self.decoded(line)
                asked = "password"
                return "334 UGFzc3dvcmQ6"
            }
            asked = nil
            return finish("\(user ?? ""):\(Self.decoded(line))")
        }

        private func finish(_ login: String) -> String {
            guard login == receiver.setting.login else { return "535 5.7.8 wrong password" }
            mail.login = login
            return "235 welcome"
        }

        private static func decoded(_ text: String) -> String {
            String(decoding: Data(base64Encoded: text) ?? Data(), as: UTF8.self)
        }

        private static func address(in line: String) -> String {
            String(line.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
