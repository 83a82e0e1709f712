internal import Logging
internal import RedisClient
internal import Synchronization

/// Loading the library: on every primary, since each keeps its own libraries and passes them on to its replicas.
extension FunctionLibrary {
    /// The command for an administrator.
    static let command = "curfew functions | redis-cli -x FUNCTION LOAD REPLACE"

    /// How long to wait for a server that is only asked which libraries it has.
    private static let patience = Duration.seconds(2)

    /// Whether this version answers on every primary.
    package func isLoaded(deadline: Duration? = nil) async throws(CurfewError) -> Bool {
        for node in try await primaries() {
            guard try await version(on: node, deadline: deadline) == Self.version else { return false }
        }
        return true
    }

    /// Loads the library on every primary that lacks it.
    ///
    /// If one fails, the others are still loaded.
    package func load() async throws(CurfewError) {
        if let failure = await failureOfLoading() { throw failure }
    }

    /// Loads the library; returns the first error.
    func failureOfLoading() async -> CurfewError? {
        await onEveryPrimary { node throws(CurfewError) in
            try await load(on: node, try await loaded(on: node))
        }
    }

    /// Before the first call: compares the loaded library of this name with this program's text, and replaces it if it
    /// differs.
    ///
    /// A server that is unreachable or refuses the question is assumed to be right: the call itself will report the
    /// error.
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
            case .unlisted(let why):
                logger.notice(
                    "the function library can't be compared", metadata: ["redis.address": "\(node)", "error": "\(why)"])
            }
        }
        guard let failure else {
            route.state.withLock { $0.isCompared = true }
            return
        }
        // If the server is unreachable, the following call reports it.
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

    /// The version that answers on a server; nil if none does.
    func version(on node: RedisClient.Node, deadline: Duration? = nil) async throws(CurfewError) -> String? {
        let call = VersionCall()
        do {
            return call.answer(try await send(call.command, node, deadline: deadline))
        } catch {
            guard Self.isMissingFunction(error) else { throw CurfewError(error) }
            return nil
        }
    }

    /// The libraries with Curfew's names on a server.
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
        case .absent, .unlisted: break
        case .other:
            logger.warning(
                "another library is loaded as \(Self.name) and will be replaced", metadata: ["redis.address": "\(node)"]
            )
        }
        do {
            try await redis.send(RedisCommand("FUNCTION", ["LOAD", "REPLACE", Self.source]), to: node)
        } catch {
            throw explained(error, libraries.own, node)
        }
        logger.info("function library loaded", metadata: ["functions": "\(Self.name)", "redis.address": "\(node)"])
        await loadOverview(on: node, libraries)
    }

    /// Loads the function for redis-cli users.
    ///
    /// It is optional: nothing waits for it, and an existing one is kept, since it may belong to another version.
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
                .damaged, "\(node) returned the script digest \(digest ?? "nothing"): expected \(Self.scriptDigest)")
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
            ? "the library loaded as \(Self.name) on \(node) is not that of this program"
            : "the functions of this program (\(Self.name)) are not loaded on \(node)"
        return CurfewError(
            .unreachable, "\(what), and this user may not load them: an administrator must run “\(Self.command)”",
            underlying: error)
    }
}
