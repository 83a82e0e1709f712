internal import ArgumentParser
internal import Curfew
internal import RedisClient
internal import TestSupport

/// A safeguard that is taken out of the functions in Redis, to see that the matrix notices.
enum Defect: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// Commits under an old fence are accepted.
    case fence
    /// Guards that don't hold are passed over.
    case guards

    /// The line that goes, wherever it stands in the library.
    private var line: String {
        switch self {
        case .fence: "if not is_current then return {'fenced', fence, holder} end"
        case .guards: "local why = check_guard(guards[g])"
        }
    }

    /// What stands there instead.
    private var replacement: String {
        switch self {
        case .fence: ""
        case .guards: "local why = check_guard(guards[g]) if type(why) == 'number' then why = nil end"
        }
    }

    /// Loads the weakened library on every primary; instances replace it where they may compare it with their own.
    func load(_ probe: Probe) async throws {
        let source = FunctionLibrary.source
        guard source.contains(line) else {
            throw ChildProcessError("the library does not have this line: \(line)")
        }
        let weakened = source.replacing(line, with: replacement)
        for node in try await probe.redis.primaries() {
            try await probe.redis.send(RedisCommand("FUNCTION", ["LOAD", "REPLACE", weakened]), to: node)
            try await probe.redis.send(RedisCommand("ACL", ["SETUSER", "default", "-function|list"]), to: node)
        }
    }
}
