internal import Crypto
package import Logging
package import RedisClient
internal import Synchronization

/// Curfew's functions inside Redis: called by name, loaded when a server answers that it has none.
///
/// The source is embedded in the binary. Its names carry its version, so programs of several versions share a server, and
/// any instance loads its own, on every primary of a cluster. What is there under our name is compared with our text
/// before the first call: another text is never called.
///
/// A server without functions (Redis 6.2, Dragonfly, KeyDB, some managed services) is given the same text as a script.
package struct FunctionLibrary: Sendable {
    /// The version this binary was built with.
    ///
    /// Must be the `VERSION` of `curfew.lua`; a test compares them.
    package static let version: Int64 = 7

    /// The oldest Redis that has functions.
    package static let oldestServer = "7.0"

    /// What the library is called on a server.
    package static let name = "curfew_\(version)"

    /// The function for people, and the library that it is in: they have the same names in all versions.
    package static let overview = (function: "curfew_overview", library: "curfew")

    /// The text that is loaded.
    package static let source = String(decoding: PackageResources.curfew_lua, as: UTF8.self)

    /// The text of the library for people.
    package static let overviewSource = String(decoding: PackageResources.overview_lua, as: UTF8.self)

    /// The library as a script.
    ///
    /// Dragonfly asks for the first line, because a call to one node of a cluster declares no keys, and has a newer Lua, in
    /// which two words of ours are called otherwise.
    static let script: String = {
        let functions = source.split(separator: "\n-- REGISTRATION", maxSplits: 1)[0].drop { $0 != "\n" }
        let ending = String(decoding: PackageResources.script_lua, as: UTF8.self)
        let ourWords = "local unpack, loadstring = unpack or table.unpack, loadstring or load"
        return "--!df flags=allow-undeclared-keys\n\(ourWords)\(functions)\n\(ending)"
    }()

    /// How a server calls the script.
    static let scriptDigest = digest(of: script)

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
    package func call(
        _ name: String, keys: [String], arguments: [String], isReadOnly: Bool = false
    ) async throws(CurfewError) -> RedisValue {
        try await call(Self.command(name, keys: keys, arguments: arguments, isReadOnly: isReadOnly))
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

    /// The command that calls a function.
    package static func command(
        _ name: String, keys: [String], arguments: [String], isReadOnly: Bool = false
    ) -> RedisCommand {
        RedisCommand(isReadOnly ? "FCALL_RO" : "FCALL", [named(name), String(keys.count)] + keys + arguments)
    }

    /// The name of a function on a server.
    package static func named(_ function: String) -> String {
        function == overview.function ? function : function + suffix
    }

    private static let suffix = "_\(version)"

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
