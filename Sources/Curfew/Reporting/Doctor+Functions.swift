internal import RedisClient

/// The functions of a server: whether they answer, whether they are this program's, and who else has some there.
extension Doctor {
    /// Looks at them, and calls the one that says which version it is.
    func functions(_ node: RedisClient.Node) async throws -> [Finding] {
        let name = "functions"
        let libraries = try await store.functions.loaded(on: node)
        var findings = [Self.strangers(among: libraries)].compactMap(\.self)
        switch libraries.own {
        case .noFunctions(let why): return [try await script(on: node, why)]
        case .other:
            let advice =
                "nothing calls it: the next run replaces it; or, by an administrator: \(FunctionLibrary.command)"
            findings.insert(
                Finding(
                    name, .problem,
                    "another library than this program's is loaded as \(FunctionLibrary.name) (its text differs)",
                    advice: advice),
                at: 0)
        case .absent: findings.insert(try await absence(on: node, libraries), at: 0)
        case .same: findings.insert(try await answer(of: node, Self.text(libraries)), at: 0)
        case .untold(let why):
            let answers = try await answer(
                of: node, "\(FunctionLibrary.name) answers; whether it is this program's is unknown: \(why)")
            guard answers.state == .ok else { return [answers] }
            findings = [
                Finding(
                    name, .warning, answers.message,
                    advice: "allow this user FUNCTION LIST, or ask somebody who may")
            ]
        }
        return findings
    }

    private static func text(_ libraries: LoadedLibraries) -> String {
        let digest = FunctionLibrary.digest(of: FunctionLibrary.source).prefix(8)
        var text = "\(FunctionLibrary.name) is loaded, and is this program's (\(digest)…)"
        text += others(libraries)
        if !libraries.all.contains(where: { $0.functions.contains(FunctionLibrary.overview.function) }) {
            text += "; \(FunctionLibrary.overview.function), for people, is not loaded (curfew functions --overview)"
        }
        return text
    }

    private static func others(_ libraries: LoadedLibraries) -> String {
        let others = libraries.all.filter(\.isOfAnotherVersion).map(\.shownVersion)
        return others.isEmpty ? "" : "; other versions use this server, too: \(others.joined(separator: ", "))"
    }

    /// A library that says it is Curfew's and can't be.
    private static func strangers(among libraries: LoadedLibraries) -> Finding? {
        let strangers = libraries.all.filter(\.isStrange)
        guard !strangers.isEmpty else { return nil }
        let names = strangers.map { "\($0.name) (\($0.functions.prefix(3).joined(separator: ", ")))" }
        return Finding(
            "other functions", .problem,
            "not Curfew's, of any version: \(names.joined(separator: ", ")); this program calls none of it",
            advice: "see who loaded it (FUNCTION LIST), and take it away: "
                + strangers.map { "FUNCTION DELETE \($0.name)" }.joined(separator: "; "))
    }

    /// Whether the functions can be called.
    private func answer(of node: RedisClient.Node, _ text: String) async throws -> Finding {
        do {
            guard let version = try await store.functions.version(on: node) else {
                return Finding(
                    "functions", .problem, "\(FunctionLibrary.name) is not called by FCALL_RO",
                    advice: "load it: \(FunctionLibrary.command)")
            }
            guard version == FunctionLibrary.version else {
                return Finding(
                    "functions", .problem,
                    "\(FunctionLibrary.name) says that it is version \(version): expected \(FunctionLibrary.version)",
                    advice: "load this program's: \(FunctionLibrary.command)")
            }
        } catch {
            guard error.underlying?.code == .server else { throw error }
            return Finding("functions", .problem, error.message, advice: "allow this user FCALL and FCALL_RO")
        }
        return Finding("functions", .ok, text)
    }

    /// Whoever may load them does so with the first run; somebody else has to do it before.
    private func absence(on node: RedisClient.Node, _ libraries: LoadedLibraries) async throws -> Finding {
        let message = "the library \(FunctionLibrary.name) is not loaded\(Self.others(libraries))"
        let load = ["FUNCTION", "LOAD", "REPLACE", "code"]
        if let rights = try await rights(on: node), try await rights.allows([load]) == [false] {
            return Finding(
                "functions", .problem, "\(message), and \(rights.user) may not load it",
                advice: "as an administrator: \(FunctionLibrary.command)")
        }
        return Finding(
            "functions", .warning, message,
            advice: "nothing to do where the worker may load it (FUNCTION LOAD): the first run does; else: "
                + FunctionLibrary.command)
    }

    /// A server without functions: whether the script can be called there.
    private func script(on node: RedisClient.Node, _ why: String) async throws -> Finding {
        let name = "functions"
        // Redis 6 goes on with the words of the command.
        let answer = why.split(separator: ", with args", maxSplits: 1).first ?? "unknown command"
        var facts = "this server has no functions (FUNCTION LOAD: \(answer))"
        let replies = try await store.redis.pipeline(
            [VersionCall().command.calling(script: FunctionLibrary.scriptDigest), RedisCommand("INFO", ["server"])],
            to: node)
        if let error = replies[0].error, error.code != "NOSCRIPT" {
            return Finding(
                name, .problem, "\(facts), and takes no scripts instead (EVALSHA: \(error.message))",
                advice: "allow EVALSHA and SCRIPT LOAD, or move to Redis \(FunctionLibrary.oldestServer) or newer")
        }
        facts += ": the library runs there by EVALSHA"
        facts += replies[0].error == nil ? ", and answers" : ", and is loaded by the first run"
        guard ServerKind(info: replies[1].string ?? "").shouldHaveFunctions else { return Finding(name, .ok, facts) }
        return Finding(
            name, .problem, "\(facts); a server of this version should have functions: somebody took them away",
            advice: "look for rename-command FUNCTION, FCALL and FCALL_RO in its configuration, and remove them")
    }
}

extension LoadedLibraries.Library {
    /// Whether it is the library of another version of this program.
    ///
    /// Its name has the format and a part of the digest of its text; up to version 7 it had a number alone, and up to
    /// version 6 it was called `curfew`.
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

    /// Whether it has the name of one of Curfew's, or functions that are called so, and is none.
    var isStrange: Bool {
        if name == FunctionLibrary.name || isOfAnotherVersion || holds(FunctionLibrary.overviewSource) { return false }
        // What is only called alike is nobody's business.
        guard name == FunctionLibrary.overview.library || functions.contains(where: { $0.hasPrefix("curfew_") }) else {
            return false
        }
        return !isOverview
    }

    /// Whether it is the library for people, as this or another version has it.
    private var isOverview: Bool {
        name == FunctionLibrary.overview.library && functions == [FunctionLibrary.overview.function]
            && text.hasPrefix(FunctionLibrary.overviewSource.prefix { $0 != "." })
    }
}
