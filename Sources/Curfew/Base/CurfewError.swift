package import RedisClient

/// Why something that was asked of Curfew could not be done.
package struct CurfewError: Error, CustomStringConvertible {
    /// What kind of failure it is; decides over the exit code of a command.
    package struct Code: Sendable, Hashable {
        private enum Value { case usage, unreachable, server, held, paused, lost, damaged }
        private let value: Value
        /// What was asked for can't be meant: an unknown cleanup, an impossible option.
        package static let usage = Code(value: .usage)
        /// Redis can't be reached, or refuses to be used (password, version, read-only).
        package static let unreachable = Code(value: .unreachable)
        /// Redis answered a command with an error.
        package static let server = Code(value: .server)
        /// Another instance holds the lease.
        package static let held = Code(value: .held)
        /// The cleanup is paused.
        package static let paused = Code(value: .paused)
        /// The lease is no longer ours.
        package static let lost = Code(value: .lost)
        /// Something in Redis isn't what Curfew wrote there.
        package static let damaged = Code(value: .damaged)
    }

    /// The kind.
    package let code: Code
    /// What happened and what was expected.
    package let message: String
    /// The Redis error behind it, if there is one.
    package let underlying: RedisError?

    /// Makes an error.
    package init(_ code: Code, _ message: String, underlying: RedisError? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// Takes over what the Redis client reports.
    ///
    /// Some answers of a server are about the server and not about the command: it can't be used by anyone, or by us.
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

    /// An error that somebody threw, where it is one of Curfew's or of the Redis client's; nil for any other.
    package init?(thrown error: any Error) {
        switch error {
        case let error as CurfewError: self = error
        case let error as RedisError: self.init(error)
        default: return nil
        }
    }

    /// The Redis error that was thrown, or that is behind what was thrown.
    static func redis(behind error: any Error) -> RedisError? {
        (error as? RedisError) ?? (error as? CurfewError)?.underlying
    }

    /// An error among the replies of a pipeline, with what was being done.
    init(_ error: RedisServerError, _ doing: String) {
        let message = "\(doing): \(error.message)"
        self.init(.server, message, underlying: RedisError(.server, error.message, server: error))
    }

    /// Read-only, out of memory, unable to save, too few replicas, without its primary, starting, busy with a script,
    /// without permission, without a password; a cluster that doesn't serve, or whose keys are on the way.
    private static let refusals: Set<String> = [
        "READONLY", "OOM", "MISCONF", "NOREPLICAS", "MASTERDOWN", "LOADING", "BUSY", "NOPERM", "NOAUTH",
        "CLUSTERDOWN", "TRYAGAIN",
    ]

    /// The message.
    package var description: String { message }
}
