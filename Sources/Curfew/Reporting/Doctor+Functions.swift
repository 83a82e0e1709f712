internal import RedisClient

/// The functions of a server: whether they answer, whether they are those of this program, and which other libraries
/// exist.
extension Doctor {
    /// Lists the libraries, and calls the function that returns the version.
    func functions(_ node: RedisClient.Node) async throws -> [Finding] {
        let name = "functions"
        let libraries = try await store.functions.loaded(on: node)
        var findings = [Self.strangers(among: libraries)].compactMap(\.self)
        switch libraries.own {
        case .noFunctions(let why): return [try await script(on: node, why)]
        case .other:
            let advice =
                "it is not called: the next run replaces it, or an administrator does: \(FunctionLibrary.command)"
            findings.insert(
                Finding(
                    name, .problem,
                    "the library loaded as \(FunctionLibrary.name) is not that of this program (its text differs)",
                    advice: advice),
                at: 0)
        case .absent: findings.insert(try await absence(on: node, libraries), at: 0)
        case .same: findings.insert(try await answer(of: node, Self.text(libraries)), at: 0)
        case .unlisted(let why):
            let answers = try await answer(
                of: node, "\(FunctionLibrary.name) answers; whether it is that of this program is unknown: \(why)")
            guard answers.state == .ok else { return [answers] }
            findings = [
                Finding(
                    name, .warning, answers.message,
                    advice: "allow this user FUNCTION LIST, or run doctor as a user with this right")
            ]
        }
        return findings
    }

    private static func text(_ libraries: LoadedLibraries) -> String {
        let digest = FunctionLibrary.digest(of: FunctionLibrary.source).prefix(8)
        var text = "\(FunctionLibrary.name) is loaded and is that of this program (\(digest)…)"
        text += others(libraries)
        if !libraries.all.contains(where: { $0.functions.contains(FunctionLibrary.overview.function) }) {
            text +=
                "; \(FunctionLibrary.overview.function) for redis-cli is not loaded (curfew functions --overview)"
        }
        return text
    }

    private static func others(_ libraries: LoadedLibraries) -> String {
        let others = libraries.all.filter(\.isOfAnotherVersion).map(\.shownVersion)
        return others.isEmpty ? "" : "; other versions also use this server: \(others.joined(separator: ", "))"
    }

    /// A library that claims to be Curfew's but can't be.
    private static func strangers(among libraries: LoadedLibraries) -> Finding? {
        let strangers = libraries.all.filter(\.isStrange)
        guard !strangers.isEmpty else { return nil }
        let names = strangers.map { "\($0.name) (\($0.functions.prefix(3).joined(separator: ", ")))" }
        return Finding(
            "other functions", .problem,
            "not from any version of Curfew: \(names.joined(separator: ", ")); this program doesn't call it",
            advice: "find out who loaded it (FUNCTION LIST), then remove it: "
                + strangers.map { "FUNCTION DELETE \($0.name)" }.joined(separator: "; "))
    }

    /// Whether the functions can be called.
    private func answer(of node: RedisClient.Node, _ text: String) async throws -> Finding {
        do {
            guard let version = try await store.functions.version(on: node) else {
                return Finding(
                    "functions", .problem, "\(FunctionLibrary.name) can't be called with FCALL_RO",
                    advice: "load it: \(FunctionLibrary.command)")
            }
            guard version == FunctionLibrary.version else {
                return Finding(
                    "functions", .problem,
                    "\(FunctionLibrary.name) reports version \(version): expected \(FunctionLibrary.version)",
                    advice: "load the library of this program: \(FunctionLibrary.command)")
            }
        } catch {
            guard error.underlying?.code == .server else { throw error }
            return Finding("functions", .problem, error.message, advice: "allow this user FCALL and FCALL_RO")
        }
        return Finding("functions", .ok, text)
    }

    /// The finding on a missing library: if the user may load it, the first run does; otherwise an administrator must.
    private func absence(on node: RedisClient.Node, _ libraries: LoadedLibraries) async throws -> Finding {
        let message = "the library \(FunctionLibrary.name) is not loaded\(Self.others(libraries))"
        let load = ["FUNCTION", "LOAD", "REPLACE", "code"]
        if let rights = try await rights(on: node), try await rights.allows([load]) == [false] {
            return Finding(
                "functions", .problem, "\(message), and the user \(rights.user) may not load it",
                advice: "as an administrator: \(FunctionLibrary.command)")
        }
        return Finding(
            "functions", .warning, message,
            advice: "nothing to do if the worker may load it (FUNCTION LOAD), as the first run does; otherwise: "
                + FunctionLibrary.command)
    }

    /// The finding on a server without functions: whether the script can be called.
    private func script(on node: RedisClient.Node, _ why: String) async throws -> Finding {
        let name = "functions"
        // Redis 6 appends the arguments of the command.
        let answer = why.split(separator: ", with args", maxSplits: 1).first ?? "unknown command"
        var facts = "this server has no functions (FUNCTION LOAD: \(answer))"
        let replies = try await store.redis.pipeline(
            [VersionCall().command.calling(script: FunctionLibrary.scriptDigest), RedisCommand("INFO", ["server"])],
            to: node)
        if let error = replies[0].error, error.code != "NOSCRIPT" {
            return Finding(
                name, .problem, "\(facts) and refuses scripts (EVALSHA: \(error.message))",
                advice: "allow EVALSHA and SCRIPT LOAD, or move to Redis \(FunctionLibrary.oldestServer) or newer")
        }
        facts += ": the library runs as a script (EVALSHA)"
        facts += replies[0].error == nil ? ", which answers" : ", which the first run loads"
        guard ServerKind(info: replies[1].string ?? "").shouldHaveFunctions else { return Finding(name, .ok, facts) }
        return Finding(
            name, .problem, "\(facts); a server of this version should have functions: they were disabled",
            advice: "remove rename-command for FUNCTION, FCALL and FCALL_RO from its configuration")
    }
}

extension LoadedLibraries.Library {
    /// Whether it is the library of another version of this program.
    ///
    /// The name consists of the format and a part of the digest of the text. Up to version 7 it had a number instead,
    /// and up to version 6 it was `curfew`.
    var isOfAnotherVersion: Bool {
        if name.wholeMatch(of: /curfew_[0-9]+(_[0-9a-f]{8})?/) != nil { return name != FunctionLibrary.name }
        return formerVersion != nil
    }

    var shownVersion: String { formerVersion.map { "\(name) (version \($0))" } ?? name }

    private var formerVersion: Int? {
        guard name == FunctionLibrary.overview.library, functions.contains("curfew_tick"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("local VERSION = ") })
        else { return nil }
        return Int(line.dropFirst("local VERSION = ".count)).flatMap { (1...6).contains($0) ? $0 : nil }
    }

    /// Whether its name or its functions look like Curfew's, although it isn't Curfew's.
    var isStrange: Bool {
        if name == FunctionLibrary.name || isOfAnotherVersion || holds(FunctionLibrary.overviewSource) { return false }
        // Only similar names don't matter.
        guard name == FunctionLibrary.overview.library || functions.contains(where: { $0.hasPrefix("curfew_") }) else {
            return false
        }
        return !isOverview
    }

    /// Whether it is the library for redis-cli users, of this or another version.
    private var isOverview: Bool {
        name == FunctionLibrary.overview.library && functions == [FunctionLibrary.overview.function]
            && text.hasPrefix(FunctionLibrary.overviewSource.prefix { $0 != "." })
    }
}
