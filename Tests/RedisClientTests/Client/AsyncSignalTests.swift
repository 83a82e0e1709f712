import TestNeeds
import Testing

@testable import RedisClient

@Suite("waiting for a change", .tags(.pure), .timeLimit(.minutes(5)))
struct AsyncSignalTests {
    @Test("a signal wakes all who wait")
    func signal() async {
        let signal = AsyncSignal()
        await withDiscardingTaskGroup { group in
            for _ in 0..<20 { group.addImmediateTask { await signal.wait(after: 0, atMost: .seconds(600)) } }
            signal.send()
        }
        #expect(signal.count == 1)
    }

    @Test("a signal since the look is not missed")
    func earlier() async {
        let signal = AsyncSignal()
        let seen = signal.count
        signal.send()
        await signal.wait(after: seen, atMost: .seconds(600))
    }

    @Test("the wait ends after a while, and when the task is cancelled")
    func ends() async {
        let signal = AsyncSignal()
        await signal.wait(after: 0, atMost: .milliseconds(1))
        await signal.wait(after: 0, atMost: .zero)
        await withDiscardingTaskGroup { group in
            group.addImmediateTask { await signal.wait(after: 0, atMost: .seconds(600)) }
            group.addTask { await signal.wait(after: 0, atMost: .seconds(600)) }
            group.cancelAll()
        }
    }
}

@Suite("waiting for the next change", .tags(.pure), .timeLimit(.minutes(4)))
struct AsyncSignalLoopTests {
    @Test("a wait ends by itself")
    func ends() async {
        await AsyncSignal().wait(atMost: .milliseconds(1))
    }

    @Test("a signal before the wait ends it at once, and only one")
    func before() async {
        let signal = AsyncSignal()
        signal.send()
        signal.send()
        await signal.wait(atMost: .seconds(600))
        let began = ContinuousClock.now
        await signal.wait(atMost: .milliseconds(20))
        #expect(began.duration(to: .now) >= .milliseconds(20))
    }

    @Test("a signal ends the present wait")
    func during() async {
        let signal = AsyncSignal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.wait(atMost: .seconds(600)) }
            group.addTask { signal.send() }
        }
    }

    @Test("cancellation ends the present wait, and one that has not begun")
    func cancelled() async {
        let signal = AsyncSignal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.wait(atMost: .seconds(600)) }
            group.cancelAll()
        }
    }

    /// Signals race with the ends of waits: each wait is as long as the sender's own step.
    ///
    ///     sender                waiter
    ///     add work              take all work
    ///     send ───────────────▶ wait (does not return late)
    @Test("no signal is lost, whenever it comes")
    func noneLost() async {
        let signal = AsyncSignal()
        let signals = 3_000
        let (stream, continuation) = AsyncStream<Int>.makeStream()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // The waiter acknowledges each signal before the next: a lost one would leave both waiting.
                for await number in stream {
                    if number.isMultiple(of: 3) { await Task.yield() }
                    signal.send()
                    if number == signals { break }
                }
            }
            group.addTask {
                for number in 1...signals {
                    continuation.yield(number)
                    if number.isMultiple(of: 2) { await Task.yield() }
                    await signal.wait(atMost: .seconds(600))
                }
                continuation.finish()
            }
        }
    }
}
