internal import Logging
internal import RedisClient
internal import Synchronization

/// Loading the library: on every primary, each of which keeps its own, and passes it on to its replicas.
extension FunctionLibrary {
    /// How an administrator loads it.
    static let command = "curfew functions | redis-cli -x FUNCTION LOAD REPLACE"

    /// How long nobody waits longer for a server that is only asked what it has.
    private static let patience = Duration.seconds(2)

    /// Whether this version answers everywhere.
    package func isLoaded(deadline: Duration? = nil) async throws(CurfewError) -> Bool {
        for node in try await primaries() {
            guard try await version(on: node, deadline: deadline) == Self.version else { return false }
        }
        return true
    }

    /// Loads the library on every primary, but for those that have it.
    ///
    /// Where one fails the others are loaded all the same.
    package func load() async throws(CurfewError) {
        if let failure = await failureOfLoading() { throw failure }
    }

    /// Loads the library; gives back what went wrong first.
    func failureOfLoading() async -> CurfewError? {
        await onEveryPrimary { node throws(CurfewError) in
            try await load(on: node, try await loaded(on: node))
        }
    }

    /// Before the first call: compares what the servers have under our name with our text, and replaces what isn't ours.
    ///
    /// A server that can't be reached, or doesn't tell, is believed: the call itself says what is wrong.
    func compare() async throws(CurfewError) {
        guard !route.state.withLock({ $0.isCompared }) else { return }
        let failure = await onEveryPrimary { node throws(CurfewError) in
            let libraries: LoadedLibraries
            do throws(CurfewError) {
                libraries = try await loaded(on: node, deadline: Self.patience)
            } catch {
                guard redis.isCluster else { throw error }
                return
            }
            switch libraries.own {
            case .same, .absent: break
            case .other: try await load(on: node, libraries)
            case .noFunctions: goByScript(on: node)
            case .untold(let why):
                logger.notice(
                    "the function library can't be compared", metadata: ["redis.address": "\(node)", "error": "\(why)"])
            }
        }
        guard let failure else {
            route.state.withLock { $0.isCompared = true }
            return
        }
        // Where the server is away, the call that follows tells of it.
        guard failure.underlying.map({ $0.code != .server }) ?? false else { throw failure }
    }

    private func onEveryPrimary(
        _ body: @Sendable @escaping (RedisClient.Node) async throws(CurfewError) -> Void
    ) async -> CurfewError? {
        let nodes: [RedisClient.Node]
        do {
            nodes = try await redis.primaries()
        } catch {
            return CurfewError(error)
        }
        return await withTaskGroup(of: CurfewError?.self) { group in
            for node in nodes {
                group.addTask {
                    do throws(CurfewError) {
                        try await body(node)
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

    /// The version that answers on a server; nil where none does.
    func version(on node: RedisClient.Node, deadline: Duration? = nil) async throws(CurfewError) -> String? {
        let call = VersionCall()
        do {
            return call.answer(try await send(call.command, node, deadline: deadline))
        } catch {
            guard Self.isMissingFunction(error) else { throw CurfewError(error) }
            return nil
        }
    }

    /// What a server has under Curfew's names.
    func loaded(on node: RedisClient.Node, deadline: Duration? = nil) async throws(CurfewError) -> LoadedLibraries {
        do {
            return LoadedLibraries(
                try await redis.pipeline([LoadedLibraries.command], to: node, deadline: deadline)[0])
        } catch {
            throw CurfewError(error)
        }
    }

    private func load(on node: RedisClient.Node, _ libraries: LoadedLibraries) async throws(CurfewError) {
        switch libraries.own {
        case .same: return await loadOverview(on: node, libraries)
        case .noFunctions: return try await loadScript(on: node)
        case .absent, .untold: break
        case .other:
            logger.warning(
                "another library is loaded as \(Self.name), and is replaced", metadata: ["redis.address": "\(node)"])
        }
        do {
            try await redis.send(RedisCommand("FUNCTION", ["LOAD", "REPLACE", Self.source]), to: node)
        } catch {
            throw explained(error, libraries.own, node)
        }
        logger.info("function library loaded", metadata: ["functions": "\(Self.name)", "redis.address": "\(node)"])
        await loadOverview(on: node, libraries)
    }

    /// The function for people is a convenience: nothing waits for it, and one that is there is left alone, for it may be
    /// that of another version.
    private func loadOverview(on node: RedisClient.Node, _ libraries: LoadedLibraries) async {
        guard libraries[Self.overview.library] == nil else { return }
        do {
            try await redis.send(RedisCommand("FUNCTION", ["LOAD", Self.overviewSource]), to: node)
        } catch {
            logger.debug("\(Self.overview.function) was not loaded", metadata: ["error": "\(error)"])
        }
    }

    private func loadScript(on node: RedisClient.Node) async throws(CurfewError) {
        goByScript(on: node)
        let digest: String?
        do {
            digest = try await redis.send(RedisCommand("SCRIPT", ["LOAD", Self.script]), to: node).string
        } catch {
            throw CurfewError(error)
        }
        guard digest == Self.scriptDigest else {
            throw CurfewError(
                .damaged, "\(node) calls the script \(digest ?? "nothing"): expected \(Self.scriptDigest)")
        }
    }

    private func goByScript(on node: RedisClient.Node) {
        let isNew = route.state.withLock { state in
            defer { state.isByScript = true }
            return !state.isByScript
        }
        guard isNew else { return }
        logger.info(
            "this server has no functions: the library runs as a script",
            metadata: ["script": "\(Self.scriptDigest)", "redis.address": "\(node)"])
    }

    private func explained(
        _ error: RedisError, _ found: LoadedLibraries.Presence, _ node: RedisClient.Node
    ) -> CurfewError {
        guard error.server?.code == "NOPERM" else { return CurfewError(error) }
        let what =
            found == .other
            ? "another library than this program's is loaded as \(Self.name) on \(node)"
            : "the functions of this program (\(Self.name)) are not loaded on \(node)"
        return CurfewError(
            .unreachable, "\(what), and this user may not load them: an administrator does, by “\(Self.command)”",
            underlying: error)
    }
}
