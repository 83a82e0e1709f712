import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// The functions `curfew_scan_claim` and `curfew_scan_report`: who scans, from where, and when again.
@Suite("curfew_scan_claim, curfew_scan_report", .tags(.ownServer))
struct IndexingLeaseTests {
    /// Calls the function as an instance would; gives back the words of the answer without the time.
    ///
    /// - Parameter rest: of a claim when a scan is wanted; of a report cursor, seen, added and, if any, the channel.
    private func call(
        _ scene: FunctionsScene, _ step: String, by instance: String = "one", fence: String = "",
        interval: Int64 = 3_600_000, _ rest: String...
    ) async throws -> [String] {
        let holder = ScanHolder(
            keys: scene.keys, cleanup: "jobs", instance: instance, fence: fence, lease: .seconds(15),
            interval: .milliseconds(interval), server: "")
        let command: RedisCommand
        if let step = ScanReportCall.Step(rawValue: step) {
            let words = ScanWords(cursor: rest[0], seen: rest[1], added: rest[2], keys: "")
            command =
                ScanReportCall(holder: holder, step: step, words: words, wake: rest.count > 3 ? rest[3] : "").command
        } else {
            command = ScanClaimCall(holder: holder, when: try #require(.init(rawValue: rest[0]))).command
        }
        let reply = try await scene.library.call(command)
        guard reply.count > 0 else { return [reply.string ?? ""] }
        var words = reply.elements.map { $0.string ?? $0.integer.map { String($0) } ?? "" }
        #expect(abs(try #require(Int64(words.remove(at: 1))) - (try await scene.now())) < 5_000)
        return words
    }

    private func hash(_ scene: FunctionsScene) async throws -> [String: String] {
        try await scene.hash(scene.keys.scan("jobs"))
    }

    @Test("the first to ask gets the scan, from the start; others hear how far it is")
    func claim() async throws {
        try await withFunctions { scene in
            // All keys of the database count, with the hash itself.
            for number in 0..<7 { try await scene.send("SET", "key:\(number)", "x") }
            #expect(try await call(scene, "claim", "due") == ["claimed", "1", "0", "0", "0", "8"])
            #expect(try await call(scene, "save", fence: "1", "96", "500", "20") == ["ok"])
            let held = try await call(scene, "claim", by: "two", "due")
            #expect(held.first == "held" && held.dropFirst(2) == ["96", "500", "20", "8"])
            #expect((14_000...15_000).contains(try #require(Int(held[1]))))
            // Even a scan that must be now waits for the one under way, and one without the fence is another.
            #expect(try await call(scene, "claim", by: "two", "now").first == "held")
            #expect(try await call(scene, "claim", "due").first == "held")
            #expect(try await call(scene, "claim", fence: "1", "due") == ["claimed", "2", "96", "500", "20", "8"])
        }
    }

    /// A scanner dies, or sleeps past its lease.
    ///
    ///     one                 two
    ///     claim: fence 1
    ///     save cursor 96
    ///     (frozen)            claim: fence 2, from 96
    ///     save: lost          save cursor 200
    @Test("a lease that ran out goes to the next, who goes on from the cursor; the old holder is told")
    func takeOver() async throws {
        try await withFunctions { scene in
            _ = try await call(scene, "claim", "due")
            _ = try await call(scene, "save", fence: "1", "96", "500", "20")
            try await scene.send("HSET", scene.keys.scan("jobs"), "lease_until_ms", "1")
            // As long as nobody took it, it may go on.
            #expect(try await call(scene, "save", fence: "1", "97", "501", "21") == ["ok"])
            try await scene.send("HSET", scene.keys.scan("jobs"), "lease_until_ms", "1")
            #expect(try await call(scene, "claim", by: "two", "due").prefix(5) == ["claimed", "2", "97", "501", "21"])
            for step in ["save", "finish", "release"] {
                #expect(try await call(scene, step, fence: "1", "0", "900", "90", "wake") == ["lost"])
            }
            // Nor does it help to know the number: after a failover two may have been given the same.
            #expect(try await call(scene, "save", fence: "2", "0", "900", "90", "wake") == ["lost"])
            #expect(try await hash(scene)["cursor"] == "97")
            #expect(try await call(scene, "save", by: "two", fence: "2", "200", "600", "30") == ["ok"])
        }
    }

    @Test("a scan that is through is due again an interval after its start; a shorter interval counts at once")
    func finish() async throws {
        try await withFunctions { scene in
            _ = try await call(scene, "claim", "first")
            #expect(try await call(scene, "finish", fence: "1", "0", "900", "90") == ["ok"])
            let ended = try await hash(scene)
            let started = try #require(Int64(ended["started_ms"] ?? ""))
            #expect(ended["next_ms"] == "\(started + 3_600_000)" && ended["instance"] == nil)
            let wait = try await call(scene, "claim", "due")
            #expect(wait.first == "wait" && (3_590_000...3_600_000).contains(Int(wait[1]) ?? 0))
            #expect(try await call(scene, "claim", interval: 60_000, "due")[1].count == 5)
            #expect(try await call(scene, "claim", "first").first == "wait")
            #expect(try await call(scene, "finish", fence: "1", "0", "900", "90") == ["lost"])
            #expect(try await call(scene, "claim", "now").prefix(5) == ["claimed", "2", "0", "0", "0"])
            // A scan has been through once, so a scheduled run doesn't wait for this one.
            #expect(try await call(scene, "claim", by: "two", "first").first == "wait")
            _ = try await call(scene, "finish", fence: "2", "0", "900", "90")
            try await scene.send("HSET", scene.keys.scan("jobs"), "next_ms", "1")
            #expect(try await call(scene, "claim", "due").first == "claimed")
        }
    }

    @Test("a scan that began in the future, before the clock was set back, is due again now")
    func setBack() async throws {
        try await withFunctions { scene in
            _ = try await call(scene, "claim", "due")
            _ = try await call(scene, "finish", fence: "1", "0", "900", "90")
            let began = try #require(Int64(try await hash(scene)["started_ms"] ?? ""))
            for field in ["started_ms", "finished_ms", "next_ms"] {
                try await scene.send("HSET", scene.keys.scan("jobs"), field, String(began + 7_200_000))
            }
            #expect(try await call(scene, "claim", "due").first == "claimed")
        }
    }

    @Test("a scan that was given back is anybody's at once, and the others are woken")
    func release() async throws {
        try await withFunctions { scene in
            _ = try await call(scene, "claim", "due")
            try await scene.redis.subscribe("wake") { messages in
                #expect(try await call(scene, "release", fence: "1", "96", "500", "20", "wake") == ["ok"])
                var heard = messages.makeAsyncIterator()
                let message = try await heard.next(isolation: nil)
                #expect(message == "jobs")
            }
            #expect(try await call(scene, "claim", by: "two", "due").prefix(5) == ["claimed", "2", "96", "500", "20"])
        }
    }

    @Test("a paused cleanup is not scanned for, unless somebody asks for it now")
    func paused() async throws {
        try await withFunctions { scene in
            try await scene.send("HSET", scene.keys.paused, "jobs", "{}")
            #expect(try await call(scene, "claim", "due") == ["wait", "60000"])
            #expect(try await call(scene, "claim", "now").first == "claimed")
        }
    }

    @Test("a cursor of another server process, or one that is none, is not used", arguments: ["7", "x", "", "9"])
    func foreignCursor(kind: String) async throws {
        try await withFunctions { scene in
            _ = try await call(scene, "claim", "due")
            _ = try await call(scene, "save", fence: "1", "96", "500", "20")
            let scan = scene.keys.scan("jobs")
            switch kind {
            case "7": try await scene.send("HSET", scan, "server", "0123456789abcdef")
            case "9": try await scene.send("HSET", scan, "cursor", String(repeating: "9", count: 30))
            default: try await scene.send("HSET", scan, "cursor", kind)
            }
            #expect(try await call(scene, "claim", fence: "1", "due").prefix(5) == ["claimed", "2", "0", "0", "0"])
        }
    }

    @Test("a scanner under whose hands the server was replaced is told to begin anew", arguments: ["save", "finish"])
    func restarted(step: String) async throws {
        try await withFunctions { scene in
            _ = try await call(scene, "claim", "due")
            try await scene.send("HSET", scene.keys.scan("jobs"), "server", "0123456789abcdef")
            #expect(try await call(scene, step, fence: "1", "96", "500", "20") == ["restarted"])
            let begun = try await hash(scene)
            #expect(begun["cursor"] == "0" && begun["seen"] == "0" && begun["finished_ms"] == nil)
            #expect(try await call(scene, "finish", fence: "1", "0", "900", "30") == ["ok"])
        }
    }

    @Test("the overview shows a scan under way", .enabled(if: RedisServer.hasFunctions))
    func overview() async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: 60_000)
            _ = try await call(scene, "claim", "due")
            _ = try await call(scene, "save", fence: "1", "96", "500", "20")
            func rows() async throws -> [String] { try await scene.library.call(OverviewCall(keys: scene.keys)) }
            let shown = try #require(try await rows().last).split(separator: " ").joined(separator: " ")
            #expect(shown == "scan jobs 500 of 2 keys on one, 20 added")
            _ = try await call(scene, "release", fence: "1", "96", "500", "20", "wake")
            #expect(try await rows().count == 1)
        }
    }
}
