import Curfew
import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("events and alerts as sequences", .tags(.ownServer), .timeLimit(.minutes(5)))
struct LibraryStreamTests {
    /// Adds events with numbers for records.
    private static func add(_ numbers: some Sequence<Int>, to scene: LibraryScene) async throws {
        try await scene.redis.pipeline(
            numbers.map { number in
                RedisCommand(
                    "XADD",
                    [
                        "{curfew}:events", "*", "cleanup", "jobs", "action", "fail", "record", "\(number)",
                        "at_ms", "5",
                    ])
            })
    }

    @Test("over many pages, with more added meanwhile, every event comes once and in order")
    func order() async throws {
        try await LibraryScene.with { scene in
            try await Self.add(0..<1_200, to: scene)
            try await scene.withClient { curfew in
                var seen: [Int] = []
                for try await event in curfew.events(after: .beginning) {
                    seen.append(Int(event.record) ?? -1)
                    if seen.count == 700 { try await Self.add(1_200..<1_300, to: scene) }
                    if seen.count == 1_250 { try await Self.add(1_300..<1_400, to: scene) }
                    if seen.count == 1_400 { break }
                }
                #expect(seen == Array(0..<1_400))
            }
        }
    }

    @Test("another client goes on after an id, also where the entry itself is gone")
    func resume() async throws {
        try await LibraryScene.with { scene in
            try await Self.add(0..<10, to: scene)
            var last = ""
            try await scene.withClient { curfew in
                for try await event in curfew.events(after: .beginning) {
                    last = event.id
                    if event.record == "3" { break }
                }
            }
            try await scene.redis.send(RedisCommand("XDEL", ["{curfew}:events", last]))
            try await scene.withClient { curfew in
                var seen: [String] = []
                for try await event in curfew.events(after: .id(last)) {
                    seen.append(event.record)
                    if event.record == "9" { break }
                }
                #expect(seen == ["4", "5", "6", "7", "8", "9"])
            }
        }
    }

    @Test(
        "from now on means what is added after the first element was asked for; a slow reader holds one page"
    )
    func now() async throws {
        try await LibraryScene.with { scene in
            try await Self.add(0..<5, to: scene)
            try await scene.withClient { curfew in
                let reader = Task {
                    for try await event in curfew.events() { return event.record }
                    return ""
                }
                // The reader may begin at any time, so what it waits for is added until it has come.
                try await eventually("something new has come") {
                    try await Self.add([77], to: scene)
                    return try await scene.redis.send(RedisCommand("XLEN", ["{curfew}:events"])).integer ?? 0
                        > 10
                }
                #expect(try await reader.value == "77")
            }
        }
    }

    @Test("a stream that was begun anew with lower ids is an error")
    func begunAnew() async throws {
        try await LibraryScene.with { scene in
            try await Self.add(0..<2, to: scene)
            try await scene.withClient { curfew in
                let (seen, continuation) = AsyncStream<String>.makeStream()
                let reader = Task {
                    for try await event in curfew.events(after: .beginning) { continuation.yield(event.id) }
                }
                var ids = seen.makeAsyncIterator()
                for _ in 0..<2 { _ = await ids.next() }
                try await scene.redis.send(RedisCommand("FLUSHALL"))
                let words = ["{curfew}:events", "5-0", "cleanup", "jobs", "action", "fail", "record", "3"]
                try await scene.redis.send(RedisCommand("XADD", words))
                let error = await #expect(throws: CurfewError.self) { try await reader.value }
                #expect(error?.code == .damaged, "\(String(describing: error))")
                #expect(error?.message.contains("the last id that it has given out is 5-0") == true)
            }
        }
    }

    @Test(
        "cancellation ends the sequence, an odd id is an error, and what others have written is passed over"
    )
    func ends() async throws {
        try await LibraryScene.with { scene in
            try await scene.redis.send(RedisCommand("XADD", ["{curfew}:alerts", "*", "not", "an alert"]))
            try await scene.redis.send(
                RedisCommand(
                    "XADD",
                    [
                        "{curfew}:alerts", "*", "alert", "many", "state", "firing", "severity", "critical",
                        "cleanup",
                        "jobs", "metric", "found", "value", "12", "since_ms", "1767225600000", "message",
                        "found is 12",
                    ]))
            try await scene.withClient { curfew in
                let reader = Task {
                    var alerts: [CurfewAlert] = []
                    for try await alert in curfew.alerts(after: .beginning) {
                        alerts.append(alert)
                        withUnsafeCurrentTask { $0?.cancel() }
                    }
                    return alerts
                }
                let alerts = try await reader.value
                #expect(alerts.count == 1 && alerts[0].state == .firing && alerts[0].value == 12)
                #expect(
                    alerts[0].since?.timeIntervalSince1970 == 1_767_225_600
                        && alerts[0].severity == "critical")
                let error = await #expect(throws: CurfewError.self) {
                    for try await _ in curfew.events(after: "soon") {}
                }
                #expect(error?.code == .usage)
                #expect(
                    error?.message == "“soon” is no id of a stream's entry: expected one like 1767225600000-0"
                )
            }
        }
    }
}
