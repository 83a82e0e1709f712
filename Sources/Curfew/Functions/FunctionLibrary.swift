package import Logging
package import RedisClient

/// Curfew's functions inside Redis: called by name, loaded when a server answers that it has none.
///
/// The source is embedded in the binary. Any instance loads it, on every primary of a cluster; an older library never
/// replaces a newer one, which is checked by its version before, and once more with every tick.
package struct FunctionLibrary: Sendable {
    /// The version this binary was built with.
    ///
    /// Must be the `VERSION` of `curfew.lua`; a test compares them.
    package static let version: Int64 = 6

    /// The oldest server that has functions.
    package static let oldestServer = "7.0"

    let redis: RedisClient
    let logger: Logger

    /// Makes the library for a client.
    package init(redis: RedisClient, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    /// The text that is loaded.
    package static var source: String { String(decoding: PackageResources.curfew_lua, as: UTF8.self) }

    /// Calls a function; where a server doesn't know it, loads the library and calls again.
    ///
    /// An unknown function has done nothing, so the second call can't be a repetition.
    package func call(
        _ name: String, keys: [String], arguments: [String], isReadOnly: Bool = false
    ) async throws(CurfewError) -> RedisValue {
        try await call(Self.command(name, keys: keys, arguments: arguments, isReadOnly: isReadOnly))
    }

    /// The same with a command made before, as the commits of a sweep are; to one node, where one is named.
    package func call(
        _ command: RedisCommand, on node: RedisClient.Node? = nil
    ) async throws(CurfewError) -> RedisValue {
        do {
            return try await send(command, node)
        } catch {
            guard Self.isMissingFunction(error) else { throw CurfewError(error) }
        }
        return try await callAfterLoading(command, node)
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

    private func send(_ command: RedisCommand, _ node: RedisClient.Node?) async throws(RedisError) -> RedisValue {
        guard let node else { return try await redis.send(command) }
        return try await redis.send(command, to: node)
    }

    /// The command that calls a function.
    package static func command(
        _ name: String, keys: [String], arguments: [String], isReadOnly: Bool = false
    ) -> RedisCommand {
        RedisCommand(isReadOnly ? "FCALL_RO" : "FCALL", [name, String(keys.count)] + keys + arguments)
    }

    static func isMissingFunction(_ error: RedisError) -> Bool {
        guard error.code == .server else { return false }
        let text = error.description
        return text.contains("Function not found") || text.contains("unknown command")
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
