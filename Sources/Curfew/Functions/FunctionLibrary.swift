internal import Crypto
package import Logging
package import RedisClient
internal import Synchronization

/// Curfew's functions in Redis: called by name, and loaded if a server doesn't have them.
///
/// The text is embedded in the binary. The names contain the version, so programs of several versions can share a
/// server, and any instance loads its own version on every primary. A loaded library is compared with this text before
/// the first call: another text is never called.
///
/// A server without functions (Redis 6.2, Dragonfly, KeyDB, some managed services) gets the same text as a script.
package struct FunctionLibrary: Sendable {
    let redis: RedisClient
    let logger: Logger
    let route = Route()

    /// Creates the library for a client.
    package init(redis: RedisClient, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    /// What is known about the servers.
    final class Route: Sendable {
        /// Whether their libraries were compared, and whether they lack functions.
        struct State {
            var isCompared = false
            var isByScript = false
        }

        let state = Mutex(State())
    }

    /// Whether the servers are known to lack functions.
    package var isByScript: Bool { route.state.withLock { $0.isByScript } }

    /// Calls a function; if a server doesn't know it, loads the library and calls again.
    ///
    /// An unknown function has done nothing, so the second call can't repeat anything.
    func call<Call: FunctionCall>(_ call: Call) async throws(CurfewError) -> Call.Answer {
        try call.answer(try await self.call(call.command))
    }

    /// The same with a prepared command, such as the commits of a sweep; to one node, if given.
    package func call(
        _ command: RedisCommand, on node: RedisClient.Node? = nil
    ) async throws(CurfewError) -> RedisValue {
        try await compare()
        do {
            return try await send(command, node)
        } catch {
            guard Self.isMissingFunction(error) else { throw CurfewError(error) }
        }
        return try await callAfterLoading(command, node)
    }

    /// The form of a call that the servers accept; commands of pipelines go through here.
    func outgoing(_ command: RedisCommand) -> RedisCommand {
        isByScript ? command.calling(script: Self.scriptDigest) : command
    }

    /// The reply to a pipelined call.
    ///
    /// If the server doesn't know the function, the library is loaded and the call repeated once; any other error is
    /// thrown.
    func checked(
        _ reply: RedisValue, of command: RedisCommand, on node: RedisClient.Node? = nil
    ) async throws(CurfewError) -> RedisValue {
        guard let server = reply.error else { return reply }
        let address = node?.description ?? redis.configuration.place
        let error = RedisError(.server, server.message, command: command.name, address: address, server: server)
        guard Self.isMissingFunction(error) else { throw CurfewError(error) }
        return try await callAfterLoading(command, node)
    }

    /// Loads the library and repeats a call that no server can have carried out.
    ///
    /// An unreachable node doesn't delay calls that don't need it. Between loading and calling, the connection may go to
    /// another server, which doesn't have the library (a name with two addresses, of which the first is a replica): then it
    /// is loaded once more.
    private func callAfterLoading(
        _ command: RedisCommand, _ node: RedisClient.Node?
    ) async throws(CurfewError) -> RedisValue {
        var isRepeated = false
        while true {
            let failure = await failureOfLoading()
            do {
                return try await send(command, node)
            } catch {
                guard Self.isMissingFunction(error) else { throw CurfewError(error) }
                if let failure { throw failure }
                if isRepeated { throw CurfewError(error) }
            }
            isRepeated = true
        }
    }

    func send(
        _ command: RedisCommand, _ node: RedisClient.Node?, deadline: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        guard let node else { return try await redis.send(outgoing(command), deadline: deadline) }
        return try await redis.send(outgoing(command), to: node, deadline: deadline)
    }

    /// Whether a server lacks the function, or has another one under its name that refuses these calls.
    static func isMissingFunction(_ error: RedisError) -> Bool {
        guard error.code == .server else { return false }
        let text = error.description
        return error.server?.code == "NOSCRIPT"
            || ["Function not found", "unknown command", "this library takes"].contains { text.contains($0) }
    }

    /// The SHA-1 digest of a text: the name of a script in Redis, and what `doctor` shows.
    static func digest(of text: String) -> String {
        Insecure.SHA1.hash(data: ByteText.bytes(of: text)).hexadecimal
    }
}

extension RedisValue {
    /// One field of an `INFO` reply.
    package func infoField(_ name: String) -> String? {
        guard let string else { return nil }
        for line in string.split(whereSeparator: \.isNewline) where line.hasPrefix(name + ":") {
            return String(line.dropFirst(name.count + 1))
        }
        return nil
    }
}
