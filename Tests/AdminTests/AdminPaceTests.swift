import Curfew
import HTTPTypes
import HummingbirdTesting
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("The pace of strangers", .tags(.ownServer))
struct AdminPaceTests {
    @Test("a hundred are answered at once, then fifty a second, and hundreds more are refused")
    func turns() {
        let pace = Pace()
        let now = ContinuousClock.now
        let waits = (0..<500).map { _ in pace.turn(of: Origin("a"), now: now) }
        #expect(waits.prefix(100).allSatisfy { $0 == .zero })
        #expect(waits[150].map { (.milliseconds(980)...(.milliseconds(1_020))).contains($0) } == true)
        #expect(waits.last == .some(nil))
        // Others aren't kept waiting, and who was quiet for a while isn't either.
        #expect(pace.turn(of: Origin("b"), now: now) == .zero)
        #expect(pace.turn(of: Origin("a"), now: now.advanced(by: .seconds(30))) == .zero)
    }

    @Test("what is remembered is bounded, and the busiest are not forgotten for others")
    func bounded() {
        let pace = Pace()
        let now = ContinuousClock.now
        for _ in 0..<300 { _ = pace.turn(of: Origin("busy"), now: now) }
        for number in 0..<(3 * Pace.networks) { _ = pace.turn(of: Origin("n\(number)"), now: now) }
        #expect(pace.turn(of: Origin("busy"), now: now).map { $0 > .seconds(3) } == true)
    }

    @Test("wrong tokens wait for their turn, and a right one never does")
    func rightTokens() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let begin = ContinuousClock.now
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<130 {
                        group.addTask {
                            do {
                                let answer = try await client.ask(.get, "/api/v1/cleanups", token: "wrong-wrong-wrong")
                                #expect([401, 429].contains(answer.status))
                            } catch {
                                Issue.record(error)
                            }
                        }
                    }
                }
                #expect(begin.duration(to: .now) >= .milliseconds(500))
                let health = try await client.ask(.get, "/healthz", token: nil)
                #expect(health.status == 200)
            }
        }
    }
}
