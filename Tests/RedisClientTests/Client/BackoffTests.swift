import Testing

@testable import RedisClient

@Suite("backing off")
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
