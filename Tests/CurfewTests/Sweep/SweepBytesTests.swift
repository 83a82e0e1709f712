import Foundation
import RedisClient
import TestNeeds
import Testing

@testable import Curfew
@testable import Policies

/// Ids, states and values are bytes: what differs by a byte is another one, and any byte comes back as it was.
@Suite("sweep: bytes", .tags(.ownServer), .everyTopology)
struct SweepBytesTests {
    private static let files = """
        stuck-files:
          policy: stuck
          every: 5m
          records: convert:<id>
          index: convert:due
          states: [läuft]
          since: [at]
          timeout: 10m
          to: gescheitert
          alive: worker:<id>
        """

    /// Ids that Swift takes for the same, and Redis doesn't.
    static let pairs = [
        ["caf\u{E9}", "cafe\u{301}"], ["\u{AC00}", "\u{1100}\u{1161}"], ["\u{C5}", "\u{212B}", "A\u{30A}"],
        ["a\u{323}\u{307}", "a\u{307}\u{323}"],
    ]

    private func write(_ scene: SweepScene, _ id: String, _ more: [String: String] = [:]) async throws {
        let at = String((scene.began - .seconds(7_200)).milliseconds)
        let fields = ["status": "läuft", "at": at].merging(more) { $1 }
        try await scene.write("convert:\(id)", fields, index: "convert:due", id: id)
    }

    @Test(
        "ids that differ in their normal form only are looked at one by one, though the first stays", arguments: pairs)
    func normalForms(ids: [String]) async throws {
        try await withSweepScene(Self.files) { scene in
            for id in ids { try await write(scene, id.held) }
            _ = try await scene.send("SET", "worker:\(ids[0])", "1")
            let result = try await scene.run("stuck-files")
            #expect(result.totalFound == ids.count - 1 && result.cleanedUp == ids.count - 1)
            #expect(Set(result.records.map(\.id)) == Set(ids.dropFirst().map(\.held)))
            #expect(try await scene.members("convert:due") == [ids[0].held])
            #expect(try await scene.hash("convert:\(ids[0])")["status"] == "läuft".held)
        }
    }

    @Test("a state in another normal form is another state")
    func states() async throws {
        try await withSweepScene(Self.files) { scene in
            try await write(scene, "a", ["status": "la\u{308}uft"])
            let result = try await scene.run("stuck-files")
            #expect(result.cleanedUp == 0 && result.failed == 0)
        }
    }

    @Test(
        "an id of any bytes is run, previewed, explained, told in its event and undone, and a field may hold anything")
    func anyBytes() async throws {
        let id = ByteText.held([0x66, 0xE9, 0x00, 0xFF, 0x0D, 0x0A, 0xF4, 0x8F, 0xBF, 0xA9])
        try await withSweepScene(Self.files) { scene in
            try await write(scene, id, ["note": ByteText.held([0xFF, 0xC3]), "error": ByteText.held([0xE9, 0x22])])
            let before = try await scene.dump()
            let cleanup = try scene.cleanup("stuck-files")
            #expect(try await Preview(engine: scene.engine).run(cleanup).records.map(\.id) == [id])
            let explanation = try await Explanation.make(engine: scene.engine, cleanup: cleanup, id: id)
            #expect(explanation.verdict == "fail" && explanation.key == "convert:\(id)")

            let run = try await scene.run("stuck-files")

            #expect(run.cleanedUp == 1 && run.failed == 0)
            let event = try #require(try await scene.stream(scene.keys.events).last)
            #expect(event["record"] == id && event["key"] == "convert:\(id)")
            let image = ByteText.bytes(of: event["before"] ?? "")
            #expect(String(validating: image, as: UTF8.self)?.contains(#"\udbff\udfe9"#) == true)
            _ = try JSONSerialization.jsonObject(with: Data(image))

            let undone = try await scene.undo(run.run)

            #expect(undone.cleanedUp == 1 && undone.skipped == 0)
            let after = try await scene.dump()
            #expect(after["convert:\(id)"] == before["convert:\(id)"])
        }
    }

    @Test(
        "what a field held comes back exactly",
        arguments: [[0xE9], Array("\u{E9}".utf8), Array("e\u{301}".utf8), Array("\u{10FFE9}".utf8)] as [[UInt8]])
    func undo(value: [UInt8]) async throws {
        try await withSweepScene(Self.files) { scene in
            try await write(scene, "a", ["error": ByteText.held(value)])
            let run = try await scene.run("stuck-files")
            #expect(run.cleanedUp == 1)
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            #expect(try await scene.send("HGET", "convert:a", "error").bytes == value)
        }
    }

    @Test("a plan names ids of any bytes, as a file of valid JSON")
    func plan() async throws {
        let ids = [ByteText.held([0xE9]), "\u{E9}".held, "e\u{301}".held, "\u{10FFE9}".held]
        try await withSweepScene(Self.files) { scene in
            for id in ids { try await write(scene, id) }
            let cleanup = try scene.cleanup("stuck-files")
            let data = try await Preview(engine: scene.engine).plan(cleanup).plan.data()
            #expect(String(validating: data, as: UTF8.self) != nil)
            let plan = try Plan(data, file: "plan.json", for: cleanup)
            #expect(Set(plan.records.map(\.id)) == Set(ids))
            let (claim, clock) = try await scene.claim(cleanup)
            let result = await Run(
                engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock, task: .plan(plan)
            ).execute()
            #expect(result.cleanedUp == 4 && result.skipped == 0)
        }
    }

    @Test("JSON that is no UTF-8 is looked into by its bytes, and comes back with undo")
    func json() async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
            var bytes = Array(job.utf8)
            bytes.insert(contentsOf: Array(#" "note": "caf"#.utf8) + [0xE9] + Array(#"","#.utf8), at: 1)
            let text = ByteText.held(bytes)
            _ = try await scene.send("SET", "job:a", text)
            _ = try await scene.send("ZADD", "jobs:deadlines", "1", "a")
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 1 && run.errors.isEmpty)
            #expect(try await scene.text("job:a")?.contains(ByteText.held([0x66, 0xE9])) == true)
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            #expect(try await scene.text("job:a") == text)
        }
    }

    @Test("both ways of writing bytes as text are the same")
    func twins() {
        for byte in UInt8.min...UInt8.max {
            #expect(HeldBytes.text([byte]) == ByteText.held([byte]))
            #expect(HeldBytes.bytes(of: ByteText.held([byte, 0x41])) == [byte, 0x41])
        }
        let mixed = "“\("\u{10FFE9}e\u{301}".held)”…"
        #expect(HeldBytes.bytes(of: mixed) == ByteText.bytes(of: mixed))
    }
}
