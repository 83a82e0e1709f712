import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

@Suite("the doctor looks at times", .tags(.ownServer), .everyTopology)
struct DoctorTimesTests {
    private static func tasks(_ zone: String = "") -> String {
        """
        tasks: {policy: stuck, every: 5m, records: "task:<id>", states: [running], since: [started_at], timeout: 30m,
          to: failed\(zone)}
        """
    }

    private func write(_ id: String, _ form: TimeForm, ahead: Duration, _ scene: SweepScene) async throws {
        let time = form.text(for: scene.began + ahead)
        try await scene.write("task:\(id)", ["status": "running", "started_at": time])
    }

    @Test("a start in the future is remarked on with its distance, and a time without a zone, indexed or not")
    func remarks() async throws {
        try await withSweepScene(Self.tasks()) { scene in
            let local = TimeForm.iso8601(.init(fractionDigits: 6, zone: .none))
            try await write("new-york", local, ahead: .seconds(-5 * 3_600), scene)
            try await write("singapore", local, ahead: .seconds(5 * 3_600 - 1), scene)
            for isIndexed in [false, true] {
                if isIndexed {
                    _ = try await scene.send("ZADD", scene.keys.index("tasks"), "1", "new-york", "2", "singapore")
                }
                let findings = try await Doctor(engine: scene.engine).times()
                #expect(findings.map(\.state) == [.warning, .warning])
                let ahead = findings.first?.message ?? ""
                #expect(ahead.hasPrefix("1 of 2 records begin in the future, task:singapore in 4h5"), "\(ahead)")
                #expect(findings.last?.message.hasPrefix("2 of 2 records have a time without a zone") == true)
                #expect(findings.allSatisfy { $0.advice?.contains("cleanups.tasks.zone") == true })
            }
        }
    }

    @Test("times with a zone, or of a zone that is said, are no matter of remark")
    func silent() async throws {
        try await withSweepScene(Self.tasks()) { scene in
            try await write("a", .seconds, ahead: .seconds(-60), scene)
            try await write("b", .iso8601(.init()), ahead: .seconds(-60), scene)
            #expect(try await Doctor(engine: scene.engine).times().isEmpty)
        }
        try await withSweepScene(Self.tasks(", zone: Asia/Singapore")) { scene in
            try await write("a", .iso8601(.init(zone: .none)), ahead: .seconds(8 * 3_600 - 60), scene)
            #expect(try await Doctor(engine: scene.engine).times().isEmpty)
        }
    }
}
