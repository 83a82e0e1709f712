import TestNeeds
import Testing

@testable import RedisClient

@Suite("backing off", .tags(.pure))
struct BackoffTests {
    @Test("waits grow by a quarter, from 100 ms to 10 s")
    func growth() {
        let backoff = Backoff()
        #expect(backoff.delay(failures: 1, jitter: 0.5) == .milliseconds(100))
        #expect(backoff.delay(failures: 2, jitter: 0.5) == .milliseconds(125))
        #expect(backoff.delay(failures: 10, jitter: 0.5) > .milliseconds(740))
        #expect(backoff.delay(failures: 1000, jitter: 0.5) == .seconds(10))
        #expect(backoff.delay(failures: 0, jitter: 0.5) == .milliseconds(100))
    }

    @Test("chance moves a wait by a quarter at most")
    func jitter() {
        let backoff = Backoff()
        #expect(backoff.delay(failures: 1, jitter: 0) == .milliseconds(75))
        #expect(backoff.delay(failures: 1, jitter: 1) == .milliseconds(125))
    }
}

@Suite("the waits of a loop that tries again", .tags(.pure))
struct RetriesTests {
    @Test("they grow after each failure in a row, and begin again after a success")
    func growth() {
        var retries = Retries(Backoff(factor: 4, most: .seconds(5), spread: 1...1))
        #expect((1...4).map { _ in retries.failed() / .milliseconds(100) } == [1, 4, 16, 50])
        #expect(retries.failures == 4)
        retries.succeeded()
        #expect(retries.failed() == .milliseconds(100))
    }

    @Test("two that fail together don't wait equally long")
    func jitter() {
        let waits = (0..<20).map { _ in
            var retries = Retries(Backoff(factor: 2))
            return retries.failed()
        }
        #expect(Set(waits).count > 1)
        #expect(waits.allSatisfy { $0 >= .milliseconds(75) && $0 <= .milliseconds(125) })
    }
}
