/// The failure of a command or a connection.
///
/// The text is written for people: it says what was tried, on which server, and what the answer was. It never contains
/// a password.
package struct RedisError: Error, Sendable {
    /// The kind of failure, for programs.
    package let code: Code
    /// What happened, without the command and the server.
    package let message: String
    /// The failed command without its arguments: `FCALL curfew_commit`.
    package let command: String?
    /// The server as configured: `127.0.0.1:6379`.
    package let address: String?
    /// The error of the server, if it answered one.
    package let server: RedisServerError?
    /// The cause of this error, if there is a more specific one.
    package let underlying: (any Error)?
    /// Whether the command may have been executed: it was sent, and its reply never arrived.
    package let mayHaveRun: Bool

    /// Creates an error; everything except the code and the message is context.
    package init(
        _ code: Code,
        _ message: String,
        command: String? = nil,
        address: String? = nil,
        server: RedisServerError? = nil,
        underlying: (any Error)? = nil,
        mayHaveRun: Bool = false
    ) {
        self.code = code
        self.message = message
        self.command = command
        self.address = address
        self.server = server
        self.underlying = underlying
        self.mayHaveRun = mayHaveRun
    }

    /// The same failure for one command, and for a server if it names none.
    func of(_ command: String, at server: String? = nil, mayHaveRun: Bool = false) -> RedisError {
        RedisError(
            code,
            message,
            command: command,
            address: address ?? server,
            server: self.server,
            underlying: underlying,
            mayHaveRun: mayHaveRun
        )
    }
}

extension RedisError: CustomStringConvertible {
    /// One line: `Redis at 127.0.0.1:6379: HGET: no reply within 5s`.
    package var description: String {
        var parts = [address.map { "Redis at \($0)" } ?? "Redis"]
        if let command {
            parts.append(command)
        }
        parts.append(message)
        return parts.joined(separator: ": ")
    }
}

extension RedisError {
    /// The kind of a failure.
    ///
    /// It is opaque, so that a new kind breaks no `switch`.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case unreachable, notPrimary, connectionClosed, timedOut, outcomeUnknown, authentication, server
            case protocolViolation, invalidURL, cancelled, tooManyPending, shuttingDown, tooOld
        }

        private let kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// The name of the code, for logs.
        package var description: String { kind.rawValue }

        /// No connection could be made, or the server refused it.
        ///
        /// Nothing was sent.
        package static let unreachable = Code(.unreachable)
        /// The server named by Sentinels is a replica: their information is out of date.
        ///
        /// Nothing was sent.
        package static let notPrimary = Code(.notPrimary)
        /// A connection ended.
        ///
        /// Occurs as the cause of another error.
        package static let connectionClosed = Code(.connectionClosed)
        /// The deadline has passed.
        ///
        /// ``RedisError/mayHaveRun`` says whether the command had been sent.
        package static let timedOut = Code(.timedOut)
        /// The connection was lost after the command was sent and before its reply arrived: the outcome is unknown.
        package static let outcomeUnknown = Code(.outcomeUnknown)
        /// The server refused the user or the password, or requires one.
        package static let authentication = Code(.authentication)
        /// The server answered with an error, found in ``RedisError/server``.
        package static let server = Code(.server)
        /// The peer doesn't speak RESP2, or a reply exceeded a limit.
        package static let protocolViolation = Code(.protocolViolation)
        /// A Redis URL is invalid.
        package static let invalidURL = Code(.invalidURL)
        /// The waiting task was cancelled.
        package static let cancelled = Code(.cancelled)
        /// More commands wait for replies than configured.
        package static let tooManyPending = Code(.tooManyPending)
        /// The client was shut down.
        package static let shuttingDown = Code(.shuttingDown)
        /// The server lacks a required feature.
        package static let tooOld = Code(.tooOld)
    }
}
