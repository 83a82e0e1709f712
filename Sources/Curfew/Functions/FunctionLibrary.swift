internal import Crypto
package import Logging
package import RedisClient
internal import Synchronization

/// Curfew's functions inside Redis: called by name, loaded when a server answers that it has none.
///
/// The text is embedded in the binary. Its names carry its version, so programs of several versions share a server, and
/// any instance loads its own, on every primary of a cluster. What is there under our name is compared with our text
/// before the first call: another text is never called.
///
/// A server without functions (Redis 6.2, Dragonfly, KeyDB, some managed services) is given the same text as a script.
package struct FunctionLibrary: Sendable {
    let redis: RedisClient
    let logger: Logger
    let route = Route()

    /// Makes the library for a client.
    package init(redis: RedisClient, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    /// What is known of the servers.
    final class Route: Sendable {
        /// Whether what they have was compared with our text, and whether they lack functions.
        struct State {
            var isCompared = false
            var isByScript = false
        }

        let state = Mutex(State())
    }

    /// Whether the servers are known to have no functions.
    package var isByScript: Bool { route.state.withLock { $0.isByScript } }

    /// Calls a function; where a server doesn't know it, loads the library and calls again.
    ///
    /// An unknown function has done nothing, so the second call can't be a repetition.
    func call<Call: FunctionCall>(_ call: Call) async throws(CurfewError) -> Call.Answer {
        try call.answer(try await self.call(call.command))
    }

    /// The same with a command made before, as the commits of a sweep are; to one node, where one is named.
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

    /// A call as the servers take it: what is sent in a pipeline goes through here.
    func outgoing(_ command: RedisCommand) -> RedisCommand {
        isByScript ? command.calling(script: Self.scriptDigest) : command
    }

    /// The reply to a call that was sent in a pipeline.
    ///
    /// Where the server doesn't know the function, the library is loaded and the call made once more; any other error
    /// is thrown.
    func checked(
        _ reply: RedisValue, of command: RedisCommand, on node: RedisClient.Node? = nil
    ) async throws(CurfewError) -> RedisValue {
        guard let server = reply.error else { return reply }
        let address = node?.description ?? redis.configuration.place
        let error = RedisError(.server, server.message, command: command.name, address: address, server: server)
        guard Self.isMissingFunction(error) else { throw CurfewError(error) }
        return try await callAfterLoading(command, node)
    }

    /// A node that can't be reached now holds up nobody who doesn't need it.
    private func callAfterLoading(
        _ command: RedisCommand, _ node: RedisClient.Node?
    ) async throws(CurfewError) -> RedisValue {
        let failure = await failureOfLoading()
        do {
            return try await send(command, node)
        } catch {
            if let failure, Self.isMissingFunction(error) { throw failure }
            throw CurfewError(error)
        }
    }

    func send(
        _ command: RedisCommand, _ node: RedisClient.Node?, deadline: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        guard let node else { return try await redis.send(outgoing(command), deadline: deadline) }
        return try await redis.send(outgoing(command), to: node, deadline: deadline)
    }

    /// Whether a server has not what was called, or has something else under its name, which refuses our calls.
    static func isMissingFunction(_ error: RedisError) -> Bool {
        guard error.code == .server else { return false }
        let text = error.description
        return error.server?.code == "NOSCRIPT"
            || ["Function not found", "unknown command", "this library takes"].contains { text.contains($0) }
    }

    /// The SHA-1 digest of a text: what Redis calls a script by, and what `doctor` shows.
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
