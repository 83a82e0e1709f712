package import RedisClient

/// Why an operation of Curfew failed.
///
/// Its text says what was found and what was expected; it never contains a password or a token.
public struct CurfewError: Error, CustomStringConvertible {
    /// The kind of a failure.
    ///
    /// It is opaque, so that a new kind breaks no `switch`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case usage, configuration, unreachable, server, held, paused, lost, damaged, closed, cancelled
        }
        private let value: Value
        /// The request is invalid: an unknown cleanup, an impossible option.
        public static let usage = Code(value: .usage)
        /// The configuration has problems: all of them are in ``CurfewError/problems``.
        public static let configuration = Code(value: .configuration)
        /// Redis can't be reached or can't be used (password, version, read-only).
        public static let unreachable = Code(value: .unreachable)
        /// Redis answered a command with an error.
        public static let server = Code(value: .server)
        /// Another run of the cleanup holds its lease.
        public static let held = Code(value: .held)
        /// The cleanup is paused.
        public static let paused = Code(value: .paused)
        /// This instance has lost the lease.
        public static let lost = Code(value: .lost)
        /// A value in Redis is not what Curfew wrote.
        public static let damaged = Code(value: .damaged)
        /// The client was closed, or the worker has ended.
        public static let closed = Code(value: .closed)
        /// The task was cancelled before the operation was done.
        public static let cancelled = Code(value: .cancelled)

        /// The name of the kind.
        public var description: String { value.rawValue }
    }

    /// One problem of a configuration.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The file name as given; `configuration` if there is none.
        public package(set) var file: String
        /// The line, from 1; nil for the file as a whole, and for a configuration in code.
        public package(set) var line: Int?
        /// The key with its parents: `cleanups.stuck-jobs.timeout`; empty for the file as a whole.
        public package(set) var path: String
        /// What was found and what was expected.
        public package(set) var message: String

        /// Creates a problem.
        package init(file: String, line: Int? = nil, path: String, message: String) {
            (self.file, self.line, self.path, self.message) = (file, line, path, message)
        }

        /// The problem in one line, like a compiler message: `curfew.yaml:12: cleanups.jobs.timeot: unknown key`.
        public var description: String {
            let place = line.map { "\(file):\($0)" } ?? file
            return path.isEmpty ? "\(place): \(message)" : "\(place): \(path): \(message)"
        }
    }

    /// The kind.
    public let code: Code
    /// What happened and what was expected.
    public let message: String
    /// The problems of the configuration, in file order; empty for any other error.
    public package(set) var problems: [Problem] = []
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
    public var description: String { message }
}
