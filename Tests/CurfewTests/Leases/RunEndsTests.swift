import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("ends of runs that share a call", .tags(.pure), .timeLimit(.minutes(5)))
struct RunEndsTests {
    @Test("a run that ends alone is sent at once, alone")
    func alone() async throws {
        let server = Server()
        let ends = RunEnds()
        #expect(try await ends.end(server.end("a"), send: server.answer) == server.known("a"))
        #expect(try await ends.end(server.end("b"), send: server.answer) == server.known("b"))
        #expect(server.calls == [["a"], ["b"]])
    }

    @Test("runs that end while a call is under way go with the next one, and each gets its own answer")
    func together() async throws {
        let server = Server()
        let names = (0..<9).map { "c\($0)" }
        let known = try await server.whileFirst(ends: names)
        #expect(known == names.map { server.known($0) })
        #expect(server.calls.count == 2 && server.calls[0] == ["first"] && Set(server.calls[1]) == Set(names))
    }

    @Test("no call has more than its share")
    func limit() async throws {
        let server = Server()
        let names = (0..<2 * RunEnds.most).map { "c\($0)" }
        #expect(try await server.whileFirst(ends: names) == names.map { server.known($0) })
        #expect(server.calls.map(\.count) == [1, RunEnds.most, RunEnds.most])
    }

    @Test("where one can't be ended, the others are")
    func refusal() async throws {
        let server = Server(refused: "bad")
        await #expect(throws: CurfewError.self) { try await server.whileFirst(ends: ["bad", "good"]) }
        #expect(Set(server.ended) == ["first", "good"])
    }

    @Test("where nobody knows whether a call was carried out, none is sent again unasked")
    func unknown() async throws {
        let server = Server(unknown: "b")
        await #expect(throws: CurfewError.self) { try await server.whileFirst(ends: ["a", "b", "c"]) }
        #expect(server.calls.count == 2)
        #expect(server.failures.map(\.underlying?.code) == Array(repeating: .outcomeUnknown, count: 3))
    }

    @Test("a run whose call was cancelled with another's task may have ended")
    func cancelled() async throws {
        let server = Server(cancelled: "b")
        await #expect(throws: CurfewError.self) { try await server.whileFirst(ends: ["a", "b", "c"]) }
        let codes = server.failures.map(\.underlying?.code)
        #expect(codes.count { $0 == .cancelled } == 1 && codes.count { $0 == .outcomeUnknown } == 2)
    }
}

/// Answers calls as the function in Redis does.
private final class Server: Sendable {
    private struct State {
        var calls: [[String]] = []
        var ended: [String] = []
        var failures: [CurfewError] = []
        var isOpen = true
    }

    private let refused: String?
    private let failing: (name: String, code: RedisError.Code)?
    private let state = Mutex(State())

    init(refused: String? = nil, unknown: String? = nil, cancelled: String? = nil) {
        self.refused = refused
        failing = unknown.map { ($0, .outcomeUnknown) } ?? cancelled.map { ($0, .cancelled) }
    }

    var calls: [[String]] { state.withLock { $0.calls } }
    var ended: [String] { state.withLock { $0.ended } }
    var failures: [CurfewError] { state.withLock { $0.failures } }

    func end(_ name: String) -> FinishCall.End {
        FinishCall.End(cleanup: name, term: "1", next: nil, run: [], metrics: [], alerts: [])
    }

    func known(_ name: String) -> FinishCall.Known { .init(alerts: [], definition: name) }

    func answer(_ ends: [FinishCall.End]) async throws(CurfewError) -> [FinishCall.Known?] {
        let names = ends.map(\.cleanup)
        state.withLock { $0.calls.append(names) }
        // The call is under way until it is let go.
        while !state.withLock({ $0.isOpen }) { await Task.yield() }
        if let failing, names.contains(failing.name) { throw CurfewError(RedisError(failing.code, "as asked")) }
        if let refused, names.contains(refused) {
            let error = RedisServerError(message: "WRONGTYPE as asked")
            throw CurfewError(RedisError(.server, error.message, server: error))
        }
        state.withLock { $0.ended += names }
        return names.map(known)
    }

    /// Ends these while the call of another is under way; throws what one of them got, after all of them have ended.
    func whileFirst(ends names: [String]) async throws -> [FinishCall.Known?] {
        let queue = RunEnds()
        state.withLock { $0.isOpen = false }
        return try await withThrowingTaskGroup(of: (Int, Result<FinishCall.Known?, CurfewError>).self) { group in
            group.addTask { (-1, await self.result(of: "first", queue)) }
            try await eventually("the first call is under way") { self.calls.count == 1 }
            for (place, name) in names.enumerated() {
                group.addTask { (place, await self.result(of: name, queue)) }
            }
            try await eventually("all others wait") { queue.waiting == names.count }
            state.withLock { $0.isOpen = true }
            var results: [Int: Result<FinishCall.Known?, CurfewError>] = [:]
            for try await (place, result) in group { results[place] = result }
            return try names.indices.map { place in try #require(results[place]).get() }
        }
    }

    private func result(of name: String, _ queue: RunEnds) async -> Result<FinishCall.Known?, CurfewError> {
        do throws(CurfewError) {
            return .success(try await queue.end(end(name), send: answer))
        } catch {
            state.withLock { $0.failures.append(error) }
            return .failure(error)
        }
    }
}
