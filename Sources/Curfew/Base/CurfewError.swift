package import RedisClient

/// Why an operation of Curfew failed.
package struct CurfewError: Error, CustomStringConvertible {
    /// The kind of failure, which decides the exit code of a command.
    package struct Code: Sendable, Hashable {
        private enum Value { case usage, unreachable, server, held, paused, lost, damaged, policy }
        private let value: Value
        /// The request is invalid: an unknown cleanup, an impossible option.
        package static let usage = Code(value: .usage)
        /// Redis can't be reached or can't be used (password, version, read-only).
        package static let unreachable = Code(value: .unreachable)
        /// Redis answered a command with an error.
        package static let server = Code(value: .server)
        /// Another instance holds the lease.
        package static let held = Code(value: .held)
        /// The cleanup is paused.
        package static let paused = Code(value: .paused)
        /// This instance has lost the lease.
        package static let lost = Code(value: .lost)
        /// A value in Redis is not what Curfew wrote.
        package static let damaged = Code(value: .damaged)
        /// A policy of the program's own doesn't do what a policy must.
        package static let policy = Code(value: .policy)
    }

    /// The kind.
    package let code: Code
    /// What happened and what was expected.
    package let message: String
    /// The Redis error behind it, if there is one.
    package let underlying: RedisError?

    /// Creates an error.
    package init(_ code: Code, _ message: String, underlying: RedisError? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// Converts an error of the Redis client.
    ///
    /// Some server errors concern the server and not the command: the server can't be used at all, or not by this user.
    package init(_ error: RedisError) {
        let isServers = error.code == .server && !Self.refusals.contains(error.server?.code ?? "")
        let remark =
            switch error.server?.code {
            case "READONLY": " (this server is a replica: expected a primary)"
            case FullMemory.code: " (\(FullMemory.cure))"
            default: ""
            }
        self.init(isServers ? .server : .unreachable, error.description + remark, underlying: error)
    }

    /// Converts a thrown error of Curfew or of the Redis client; nil for any other error.
    package init?(thrown error: any Error) {
        switch error {
        case let error as CurfewError: self = error
        case let error as RedisError: self.init(error)
        default: return nil
        }
    }

    /// The Redis error behind a thrown error.
    static func redis(behind error: any Error) -> RedisError? {
        (error as? RedisError) ?? (error as? CurfewError)?.underlying
    }

    /// The error of a pipelined command, with a description of the operation.
    init(_ error: RedisServerError, _ doing: String) {
        let message = "\(doing): \(error.message)"
        self.init(.server, message, underlying: RedisError(.server, error.message, server: error))
    }

    /// Read-only, out of memory, unable to save, too few replicas, without its primary, loading, busy with a script,
    /// missing permission, missing password; a cluster that is down, or whose slot is migrating.
    private static let refusals: Set<String> = [
        "READONLY", "OOM", "MISCONF", "NOREPLICAS", "MASTERDOWN", "LOADING", "BUSY", "NOPERM", "NOAUTH",
        "CLUSTERDOWN", "TRYAGAIN",
    ]

    /// The message.
    package var description: String { message }
}
