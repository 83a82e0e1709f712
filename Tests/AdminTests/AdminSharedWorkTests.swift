import Curfew
import HTTPTypes
import HummingbirdTesting
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("Costly reading is shared", .tags(.ownServer))
struct AdminSharedWorkTests {
    /// A reading that ends when it is let go.
    private final class Reading: Sendable {
        let (opened, opener) = AsyncStream<Void>.makeStream()
        let count = Atomic(0)
        private let cancelled = Atomic(false)
        var wasCancelled: Bool { cancelled.load(ordering: .relaxed) }

        func read() async throws -> Int {
            let number = count.add(1, ordering: .relaxed).newValue
            for await _ in opened { return number }
            cancelled.store(true, ordering: .relaxed)
            throw CancellationError()
        }
    }

    @Test("whoever asks the same waits for the same; whoever asks something else waits, and is told to come back")
    func shared() async throws {
        let (work, reading) = (SharedWork<Int>(2, noun: "count", patience: .milliseconds(200)), Reading())
        async let first = work.value(of: "a", "q") { try await reading.read() }
        try await eventually("the reading has begun") { reading.count.load(ordering: .relaxed) == 1 }
        async let second = work.value(of: "a", "q") { try await reading.read() }
        async let third = work.value(of: "a", "q") { try await reading.read() }
        await #expect(throws: AdminError.self) { try await work.value(of: "a", "other") { 7 } }
        #expect(try await work.value(of: "b", "q") { 8 } == 8)
        reading.opener.yield()
        #expect(try await [first, second, third] == [1, 1, 1])
        // What has ended is asked anew.
        #expect(try await work.value(of: "a", "other") { 9 } == 9)
    }

    @Test("another question of the same cleanup is answered when the first one is")
    func inTurn() async throws {
        let (work, reading) = (SharedWork<Int>(2, noun: "count"), Reading())
        async let first = work.value(of: "a", "q") { try await reading.read() }
        try await eventually("the reading has begun") { reading.count.load(ordering: .relaxed) == 1 }
        async let second = work.value(of: "a", "other") { 2 }
        reading.opener.yield()
        #expect(try await [first, second] == [1, 2])
    }

    @Test("a cleanup is read ten times a second at most")
    func spaced() async throws {
        let work = SharedWork<Int>(2, noun: "count")
        let begin = ContinuousClock.now
        for number in 0..<4 { #expect(try await work.value(of: "a", "q") { number } == number) }
        #expect(begin.duration(to: .now) >= .milliseconds(290))
    }

    @Test("no more cleanups than there are places are read at once")
    func places() async throws {
        let (work, reading) = (SharedWork<Int>(1, noun: "preview", patience: .milliseconds(200)), Reading())
        async let first = work.value(of: "a", "q") { try await reading.read() }
        try await eventually("the reading has begun") { reading.count.load(ordering: .relaxed) == 1 }
        let error = await #expect(throws: AdminError.self) { try await work.value(of: "b", "q") { 7 } }
        #expect(error?.status == .serviceUnavailable)
        #expect(error?.message == "1 previews are running on this instance: try again later")
        reading.opener.yield()
        #expect(try await first == 1)
    }

    @Test("a reading ends with the last of those who wait for it")
    func abandoned() async throws {
        let (work, reading) = (SharedWork<Int>(2, noun: "count", patience: .milliseconds(200)), Reading())
        let tasks = (0..<2).map { _ in Task { try await work.value(of: "a", "q") { try await reading.read() } } }
        try await eventually("the reading has begun") { reading.count.load(ordering: .relaxed) == 1 }
        tasks[0].cancel()
        #expect(!reading.wasCancelled)
        tasks[1].cancel()
        try await eventually("nobody waits for it any more") { reading.wasCancelled }
        await #expect(throws: CancellationError.self) { try await tasks[1].value }
    }

    @Test("counts that viewers ask for take no place from a run")
    func viewers() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            let service = AdminService(source: scene.source)
            let reading = Reading()
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<AdminService.mostAtOnce {
                    group.addTask {
                        do {
                            _ = try await service.counts.value(of: "c\(number)", "q") {
                                _ = try await reading.read()
                                throw CancellationError()
                            }
                        } catch {
                            // It is cancelled in the end.
                        }
                    }
                }
                do {
                    try await eventually("all counts are under way") {
                        reading.count.load(ordering: .relaxed) == AdminService.mostAtOnce
                    }
                    #expect(try await service.run("stuck-jobs", by: "test").cleanedUp == 1)
                } catch {
                    Issue.record(error)
                }
                group.cancelAll()
            }
        }
    }
}
