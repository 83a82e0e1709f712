internal import Logging
internal import RedisClient

/// Loading the library: on every primary, each of which keeps its own, and passes it on to its replicas.
extension FunctionLibrary {
    /// The version that is loaded everywhere; nil where a server has none.
    package func loadedVersion(deadline: Duration? = nil) async throws(CurfewError) -> Int64? {
        var oldest: Int64?
        for node in try await primaries() {
            guard let version = try await version(on: node, deadline: deadline) else { return nil }
            oldest = min(oldest ?? version, version)
        }
        return oldest
    }

    /// Loads the library on every primary, but for those that have this version or a newer one.
    ///
    /// Where one fails the others are loaded all the same.
    package func load() async throws(CurfewError) {
        if let failure = await failureOfLoading() { throw failure }
    }

    /// Loads the library; gives back what went wrong first.
    func failureOfLoading() async -> CurfewError? {
        let nodes: [RedisClient.Node]
        do {
            nodes = try await primaries()
        } catch {
            return error
        }
        return await withTaskGroup(of: CurfewError?.self) { group in
            for node in nodes {
                group.addTask {
                    do throws(CurfewError) {
                        try await load(on: node)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(nil) { $0 ?? $1 }
        }
    }

    private func primaries() async throws(CurfewError) -> [RedisClient.Node] {
        do {
            return try await redis.primaries()
        } catch {
            throw CurfewError(error)
        }
    }

    /// The version that a server has; nil where it has none.
    func version(on node: RedisClient.Node, deadline: Duration? = nil) async throws(CurfewError) -> Int64? {
        do {
            let command = RedisCommand("FCALL_RO", ["curfew_version", "0"], isIdempotent: true)
            return try await redis.send(command, to: node, deadline: deadline).integer
        } catch {
            guard Self.isMissingFunction(error) else { throw CurfewError(error) }
            return nil
        }
    }

    private func load(on node: RedisClient.Node) async throws(CurfewError) {
        let loaded = try await version(on: node)
        if let loaded, loaded >= Self.version { return }
        do {
            try await load(on: node, isReplacing: loaded != nil)
        } catch {
            // Another instance was quicker, with a library that may be newer; or what is there isn't one of ours.
            guard loaded == nil, error.description.contains("already exists") else {
                throw await explained(error, node)
            }
            if let loaded = try await version(on: node), loaded >= Self.version { return }
            do {
                try await load(on: node, isReplacing: true)
            } catch {
                throw await explained(error, node)
            }
        }
        logger.info(
            "function library loaded", metadata: ["functions.version": "\(Self.version)", "redis.address": "\(node)"])
    }

    private func load(on node: RedisClient.Node, isReplacing: Bool) async throws(RedisError) {
        let arguments = isReplacing ? ["LOAD", "REPLACE", Self.source] : ["LOAD", Self.source]
        try await redis.send(RedisCommand("FUNCTION", arguments), to: node)
    }

    /// A server without functions calls `FUNCTION` an unknown command; the user is told its version instead.
    private func explained(_ error: RedisError, _ node: RedisClient.Node) async -> CurfewError {
        guard error.code == .server, error.description.contains("unknown command") else { return CurfewError(error) }
        let found: String
        do {
            let reply = try await redis.send(RedisCommand("INFO", ["server"]), to: node)
            found = reply.infoField("redis_version") ?? "unknown"
        } catch {
            found = "unknown"
        }
        let message =
            "Redis \(found) at \(node) is too old: functions are needed, expected \(Self.oldestServer) or newer"
        return CurfewError(.unreachable, message, underlying: error)
    }
}
