import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("what people do is noted", .tags(.ownServer), .everyTopology)
struct CoordinationDeedTests {
    private static let names = [
        "run", "cleanup", "record", "key", "action", "from", "to", "reason", "type", "tokens", "bytes", "before",
        "at_ms",
    ]

    @Test("a claim that somebody asks for is noted with it, in one step; one that fails is neither")
    func claims() async throws {
        try await withInstances { scene in
            let one = try scene.engine("one")
            let cleanup = try #require(one.configuration.cleanup(named: "jobs"))
            let answer = try await one.coordinator.claim(
                cleanup, trigger: "manual", isDryRun: true, by: "ada", detail: "dry run")
            guard case .claimed(let claim) = answer.outcome else { throw CurfewError(.held, "\(answer.outcome)") }
            let event = try #require(try await scene.stream(scene.keys.events).first)
            #expect(event.fields.map(\.name) == Self.names)
            #expect(event["run"] == claim.run && event["cleanup"] == "jobs" && event["action"] == "run")
            #expect(event["reason"] == "run by ada: dry run" && event["record"] == "" && event["tokens"] == "0")
            #expect(event["at_ms"] == String(claim.acquired.milliseconds))

            let held = try await one.coordinator.claim(cleanup, trigger: "manual", isDryRun: false, by: "ben")
            guard case .held = held.outcome else { throw CurfewError(.damaged, "\(held.outcome)") }
            try await Operations(engine: one).pause("jobs", by: "cleo", why: "moving")
            try await scene.schedule("jobs", in: .milliseconds(-1))
            let paused = try await one.coordinator.claim(cleanup, trigger: "manual", isDryRun: false, by: "ben")
            guard case .paused = paused.outcome else { throw CurfewError(.damaged, "\(paused.outcome)") }
            let undone = try await one.coordinator.claim(
                cleanup, trigger: Trigger.undo, isDryRun: false, by: "dora", detail: "of jobs-1")
            guard case .claimed = undone.outcome else { throw CurfewError(.damaged, "\(undone.outcome)") }
            let reasons = try await scene.stream(scene.keys.events).map { "\($0["run"] ?? "") \($0["reason"] ?? "")" }
            #expect(
                reasons == ["jobs-1 run by ada: dry run", " pause by cleo: moving", "jobs-2 undo by dora: of jobs-1"])
        }
    }

    @Test("what can't be noted is not claimed")
    func unnotable() async throws {
        try await withInstances { scene in
            let one = try scene.engine("one")
            let cleanup = try #require(one.configuration.cleanup(named: "jobs"))
            try await scene.send("SET", scene.keys.events, "x")
            let error = await #expect(throws: CurfewError.self) {
                try await one.coordinator.claim(cleanup, trigger: "manual", isDryRun: false, by: "ada")
            }
            #expect(error?.message.contains("{curfew}:events is a string: expected a stream") == true)
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs")).integer == 0)
        }
    }

    @Test("pause, resume and cancel are noted where they did something")
    func operations() async throws {
        try await withInstances { scene in
            let one = try scene.engine("one")
            let operations = Operations(engine: one)
            #expect(try await operations.resume("jobs", by: "ada").isDone == false)
            #expect(try await operations.cancel("jobs", by: "ada") == nil)
            try await operations.pause("jobs", by: "ada", why: "a “reason”")
            #expect(try await operations.resume("jobs", by: "ben").isResumed)
            let (_, claim) = try await scene.claim(by: one)
            #expect(try await operations.cancel("jobs", by: "cleo") == claim.run)
            let events = try await scene.stream(scene.keys.events)
            #expect(events.allSatisfy { $0.fields.map(\.name) == Self.names })
            #expect(
                events.map { $0["reason"]?.readable } == [
                    "pause by ada: a “reason”", "resume by ben", "cancel by cleo",
                ])
            #expect(events.map { $0["action"] } == ["pause", "resume", "cancel"])
            #expect(events.map { $0["run"] } == ["", "", claim.run])
        }
    }

    @Test("a note that can't be written keeps nobody from what was done")
    func lost() async throws {
        try await withInstances { scene in
            let operations = Operations(engine: try scene.engine("one"))
            try await scene.send("SET", scene.keys.events, "x")
            try await operations.pause("jobs", by: "ada", why: "x")
            #expect(try await scene.send("HEXISTS", scene.keys.paused, "jobs").integer == 1)
            #expect(try await operations.resume("jobs", by: "ada").isResumed)
        }
    }

    @Test(
        "the library of an older version, which can't note, stays beside this one, which is called",
        .enabled(if: RedisServer.hasFunctions))
    func olderLibrary() async throws {
        try await withInstances { scene in
            let one = try scene.engine("one")
            try await scene.send("FUNCTION", "LOAD", FunctionsVersionTests.olderLibrary)
            let cleanup = try #require(one.configuration.cleanup(named: "jobs"))
            _ = try await one.coordinator.claim(cleanup, trigger: "manual", isDryRun: false, by: "ada")
            #expect(try await scene.stream(scene.keys.events).map { $0["reason"] } == ["run by ada"])
            #expect(try await one.functions.isLoaded())
            #expect(try await scene.send("FCALL_RO", "curfew_version", "0").integer == 6)
        }
    }
}
