import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("alerts on overdue cleanups", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(4)))
struct AlertOverdueTests {
    static let alert = #"late: {cleanup: "*", metric: overdue, above: 10m, severity: critical}"#

    /// One look of an instance that has no free places, so that what is overdue stays so.
    private func look(_ watch: inout OverdueWatch, _ alerts: AlertScene, _ engine: Engine) async throws {
        try await watch.look(at: try await alerts.scene.tick(engine, places: 0))
    }

    /// The entries without their values, which are times.
    private func published(_ alerts: AlertScene) async throws -> [String] {
        try await alerts.published().map { $0.split(separator: ":").prefix(3).joined(separator: ":") }
    }

    @Test("what nobody runs is published once and resolved once, by instances that don't even know it")
    func unknown() async throws {
        try await withAlerts(Self.alert) { alerts in
            let (one, two) = (try alerts.scene.engine("one"), try alerts.scene.engine("two"))
            var watches = [OverdueWatch(engine: one), OverdueWatch(engine: two)]
            for distance in [-300, -700, -701, 3_600, 3_600] {
                try await alerts.scene.schedule("others", in: .seconds(distance))
                try await look(&watches[0], alerts, one)
                try await look(&watches[1], alerts, two)
            }
            #expect(try await published(alerts) == ["late:firing:others", "late:resolved:others"])
            let firing = try #require(
                try await alerts.scene.stream(alerts.keys.alerts).first { $0["state"] == "firing" })
            #expect(firing["threshold"] == "10m")
            #expect(firing["value"]?.hasPrefix("11m") == true)
            #expect(firing["message"]?.hasSuffix("is above 10m") == true)
        }
    }

    @Test("an instance that has just started neither publishes again what fires nor leaves firing what is over")
    func restarted() async throws {
        try await withAlerts(Self.alert) { alerts in
            let engine = try alerts.scene.engine("one")
            for distance in [-700, -701, 3_600] {
                try await alerts.scene.schedule("jobs", in: .seconds(distance))
                var watch = OverdueWatch(engine: engine)
                try await look(&watch, alerts, engine)
            }
            #expect(try await published(alerts) == ["late:firing:jobs", "late:resolved:jobs"])
        }
    }

    @Test("an instance that has just started ends what is left firing for a cleanup that nobody has any more")
    func restartedUnknown() async throws {
        try await withAlerts(Self.alert) { alerts in
            let engine = try alerts.scene.engine("one")
            for distance in [-700, 3_600] {
                try await alerts.scene.schedule("others", in: .seconds(distance))
                var watch = OverdueWatch(engine: engine)
                try await look(&watch, alerts, engine)
            }
            #expect(try await published(alerts) == ["late:firing:others", "late:resolved:others"])
        }
    }

    @Test("a watch that sees nothing new sends nothing")
    func quiet() async throws {
        try await withAlerts(Self.alert) { alerts in
            let engine = try alerts.scene.engine("one")
            try await alerts.scene.schedule("jobs", in: .seconds(-700))
            let answer = try await alerts.scene.tick(engine, places: 0)
            var watch = OverdueWatch(engine: engine)
            try await watch.look(at: answer)
            func commands() async throws -> String? {
                try await alerts.scene.send("INFO", "stats").infoField("total_commands_processed")
            }
            let before = try #require(try await commands().flatMap { Int($0) })
            try await watch.look(at: answer)
            try await watch.look(at: answer)
            #expect(try await commands().flatMap { Int($0) } == before + 1)
        }
    }

    @Test("a cleanup that is switched off is not overdue, whatever its old place on the schedule")
    func disabled() async throws {
        try await withAlerts(Self.alert) { alerts in
            try await alerts.scene.schedule("jobs", in: .seconds(-700))
            let text = alerts.scene.text.replacing("jobs: {", with: "jobs: {enabled: false, ")
            let engine = try alerts.scene.engine("one", text)
            var watch = OverdueWatch(engine: engine)
            try await look(&watch, alerts, engine)
            #expect(try await published(alerts).isEmpty)
        }
    }

    @Test("an alert on one cleanup doesn't fire for another")
    func oneCleanup() async throws {
        try await withAlerts("late: {cleanup: jobs, metric: overdue, above: 10m}") { alerts in
            let engine = try alerts.scene.engine("one")
            var watch = OverdueWatch(engine: engine)
            for name in ["tasks", "jobs"] {
                try await alerts.scene.schedule(name, in: .seconds(-700))
                try await look(&watch, alerts, engine)
                #expect(try await published(alerts) == (name == "jobs" ? ["late:firing:jobs"] : []))
            }
        }
    }
}
