package import Logging
package import RedisClient

/// Curfew's functions inside Redis: called by name, loaded when a server answers that it has none.
///
/// The source is embedded in the binary. Any instance loads it; an older library never replaces a newer one, which is
/// checked by its version before, and once more with every tick.
package struct FunctionLibrary: Sendable {
    /// The version this binary was built with.
    ///
    /// Must be the `VERSION` of `curfew.lua`; a test compares them.
    package static let version: Int64 = 2

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

    /// Calls a function; where the server doesn't know it, loads the library and calls again.
    ///
    /// An unknown function has done nothing, so the second call can't be a repetition.
    package func call(
        _ name: String, keys: [String], arguments: [String], isReadOnly: Bool = false
    ) async throws(CurfewError) -> RedisValue {
        try await call(Self.command(name, keys: keys, arguments: arguments, isReadOnly: isReadOnly))
    }

    /// The same with a command made before, as the commits of a sweep are.
    package func call(_ command: RedisCommand) async throws(CurfewError) -> RedisValue {
        do {
            return try await redis.send(command)
        } catch {
            guard Self.isMissingFunction(error) else { throw CurfewError(error) }
        }
        try await load()
        do {
            return try await redis.send(command)
        } catch {
            throw CurfewError(error)
        }
    }

    /// The reply to a call that was sent in a pipeline.
    ///
    /// Where the server doesn't know the function, the library is loaded and the call made once more; any other error
    /// is thrown.
    func checked(_ reply: RedisValue, of command: RedisCommand) async throws(CurfewError) -> RedisValue {
        guard let server = reply.error else { return reply }
        let address = redis.configuration.address.description
        let error = RedisError(.server, server.message, command: command.name, address: address, server: server)
        guard Self.isMissingFunction(error) else { throw CurfewError(error) }
        try await load()
        return try await call(command)
    }

    /// The command that calls a function.
    package static func command(
        _ name: String, keys: [String], arguments: [String], isReadOnly: Bool = false
    ) -> RedisCommand {
        RedisCommand(isReadOnly ? "FCALL_RO" : "FCALL", [name, String(keys.count)] + keys + arguments)
    }

    /// The version that is loaded; nil where there is none.
    package func loadedVersion() async throws(CurfewError) -> Int64? {
        do {
            return try await redis.send(RedisCommand("FCALL_RO", ["curfew_version", "0"])).integer
        } catch {
            guard Self.isMissingFunction(error) else { throw CurfewError(error) }
            return nil
        }
    }

    /// Loads the library, unless the server has this version or a newer one.
    package func load() async throws(CurfewError) {
        let loaded = try await loadedVersion()
        if let loaded, loaded >= Self.version { return }
        do {
            try await load(isReplacing: loaded != nil)
        } catch {
            // Another instance was quicker, with a library that may be newer; or what is there isn't one of ours.
            guard loaded == nil, error.description.contains("already exists") else { throw await explained(error) }
            if let loaded = try await loadedVersion(), loaded >= Self.version { return }
            do {
                try await load(isReplacing: true)
            } catch {
                throw await explained(error)
            }
        }
        logger.info("function library loaded", metadata: ["functions.version": "\(Self.version)"])
    }

    private func load(isReplacing: Bool) async throws(RedisError) {
        let arguments = isReplacing ? ["LOAD", "REPLACE", Self.source] : ["LOAD", Self.source]
        _ = try await redis.send(RedisCommand("FUNCTION", arguments))
    }

    /// A server without functions calls `FUNCTION` an unknown command; the user is told its version instead.
    private func explained(_ error: RedisError) async -> CurfewError {
        guard error.code == .server, error.description.contains("unknown command") else { return CurfewError(error) }
        let found: String
        do {
            found = try await redis.send(RedisCommand("INFO", ["server"])).infoField("redis_version") ?? "unknown"
        } catch {
            found = "unknown"
        }
        let message =
            "Redis \(found) at \(redis.configuration.address) is too old: functions are needed, expected \(Self.oldestServer) or newer"
        return CurfewError(.unreachable, message, underlying: error)
    }

    private static func isMissingFunction(_ error: RedisError) -> Bool {
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
