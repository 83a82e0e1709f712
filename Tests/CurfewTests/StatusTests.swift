import Policies
import Testing

@testable import Curfew

@Suite("the status", .timeLimit(.minutes(4)))
struct StatusTests {
    @Test("a score that is no time is shown as the nearest one", arguments: ["+inf", "-inf", "1e300", "-1e300"])
    func scores(score: String) async throws {
        try await withInstances { scene in
            let keys = scene.keys
            try await scene.send("ZADD", keys.schedule, score, "jobs")
            try await scene.send("ZADD", keys.instances, score, "one")
            let status = try await Status.read(try scene.engine("one"))
            let year = score.hasPrefix("-") ? "1970" : "9999"
            #expect(status.cleanups.first?.due?.hasPrefix(year) == true)
            #expect(status.instances.map(\.id) == ["one"])
        }
    }
}
