import RedisClient
import TestNeeds
import Testing

@testable import Curfew

@Suite("a trouble that lasts, in the log", .tags(.pure))
struct OutageTests {
    private let away = CurfewError(RedisError(.unreachable, "connection refused"))
    private let start = ContinuousClock.now

    @Test("is said at once, then once a minute with how often it came up")
    func minutes() {
        var outage = Outage()
        // Every second for three minutes.
        let said = (0..<180).compactMap { second -> String? in
            outage.failed(away, at: start + .seconds(second)).map { "\(second): \($0)" }
        }
        #expect(said == ["0: 1", "60: 60", "120: 60"])
        #expect(outage.ended() == 180)
        #expect(outage.ended() == nil)
        #expect(outage.failed(away, at: start + .seconds(181)) == 1)
    }

    @Test("is said at once where it is of another kind, and is no flood where it goes back and forth")
    func kinds() {
        var outage = Outage()
        let refused = CurfewError(
            RedisError(.server, "LOADING", server: RedisServerError(message: "LOADING Redis is loading")))
        let said = (0..<120).compactMap { second -> Int? in
            outage.failed(second % 2 == 0 ? away : refused, at: start + .seconds(second)) == nil ? nil : second
        }
        #expect(said.count <= 4 && said.prefix(2) == [0, 1], "\(said)")
    }
}
