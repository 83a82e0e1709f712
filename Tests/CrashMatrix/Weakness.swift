internal import ArgumentParser
internal import Curfew
internal import RedisClient
internal import TestSupport

/// A safeguard that is taken out of the functions in Redis, to see that the matrix notices.
enum Weakness: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// Commits under an old fence are accepted.
    case fence
    /// Guards that don't hold are passed over.
    case guards

    /// The line that goes, as it stands in `curfew.lua`.
    private var line: String {
        switch self {
        case .fence: "if fence ~= ARGV[before + 2] then return {'fenced', fence or ''} end"
        case .guards: "if held == false then return g end"
        }
    }

    /// What stands there instead.
    private var replacement: String { self == .guards ? "if held == false then held = nil end" : "" }

    /// Loads the weakened library on every primary; instances leave one of their own version alone.
    func load(_ probe: Probe) async throws {
        let source = FunctionLibrary.source
        guard source.ranges(of: line).count == 1 else {
            throw ChildProcessError("curfew.lua does not have this line once: \(line)")
        }
        let weakened = source.replacing(line, with: replacement)
        for node in try await probe.redis.primaries() {
            try await probe.redis.send(RedisCommand("FUNCTION", ["LOAD", "REPLACE", weakened]), to: node)
        }
    }
}
