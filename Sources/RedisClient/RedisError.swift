/// What went wrong with a command or a connection.
///
/// The text is made for people: it says what was tried, on which server, and what came back. It never contains a
/// password.
package struct RedisError: Error, Sendable {
    /// The kind of a failure, for programs to act on.
    package let code: Code
    /// What happened, in words, without the command and the server.
    package let message: String
    /// The command that failed, without its arguments: `FCALL curfew_commit`.
    package let command: String?
    /// The server, as the configuration names it: `127.0.0.1:6379`.
    package let address: String?
    /// The error that the server answered, where it answered one.
    package let server: RedisServerError?
    /// What led to this error, where that says more.
    package let underlying: (any Error)?
    /// Whether the command may have been carried out all the same: it was sent, and its reply never came.
    package let mayHaveRun: Bool

    /// Makes an error; everything but the code and the message is context.
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

    /// The same failure, told of one command, and of a server where it names none.
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
    /// Opaque, so that a new kind breaks nobody's `switch`.
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

        /// No connection could be made, or the server turned it away.
        ///
        /// Nothing was sent.
        package static let unreachable = Code(.unreachable)
        /// The server that was found by its Sentinels is a replica: what they say is out of date.
        ///
        /// Nothing was sent.
        package static let notPrimary = Code(.notPrimary)
        /// A connection ended.
        ///
        /// Seen as the reason of another error.
        package static let connectionClosed = Code(.connectionClosed)
        /// The deadline passed first.
        ///
        /// ``RedisError/mayHaveRun`` says whether the command had been sent.
        package static let timedOut = Code(.timedOut)
        /// The connection was lost after the command was sent and before its reply came: it ran, or it did not.
        package static let outcomeUnknown = Code(.outcomeUnknown)
        /// The server refused the user or the password, or wants one.
        package static let authentication = Code(.authentication)
        /// The server answered with an error, found in ``RedisError/server``.
        package static let server = Code(.server)
        /// The peer does not speak RESP2, or a reply was over a limit.
        package static let protocolViolation = Code(.protocolViolation)
        /// A Redis URL cannot be read.
        package static let invalidURL = Code(.invalidURL)
        /// The task that waited was cancelled.
        package static let cancelled = Code(.cancelled)
        /// More commands wait for replies than the configuration allows.
        package static let tooManyPending = Code(.tooManyPending)
        /// The client was shut down.
        package static let shuttingDown = Code(.shuttingDown)
        /// The server lacks something that is needed.
        package static let tooOld = Code(.tooOld)
    }
}
