import Policies
import RedisClient
import TestSupport

@testable import Curfew

/// Instances that share alerts, and runs made up of nothing but their numbers.
struct AlertScene {
    let scene: CoordinationScene
    var keys: Keys { scene.keys }

    /// Three cleanups, and the alerts given.
    static func text(_ alerts: String...) -> String {
        let cleanup = "policy: stuck, every: 1h, states: [RUNNING], since: [at], timeout: 1m, to: FAILED"
        return "cleanups:\n"
            + ["jobs", "tasks", "plans"].map { "  \($0): {\(cleanup), records: \"\($0):<id>\", index: \($0)}\n" }
            .joined()
            + (alerts.isEmpty ? "" : "alerts:\n" + alerts.map { "  \($0)\n" }.joined())
    }

    /// A run that found so many, as its end is recorded and evaluated; all the engines evaluate it.
    func run(_ cleanup: String = "jobs", found: Int, _ engines: Engine...) async throws {
        let engine = engines[0]
        let claim = try await scene.claim(cleanup, by: engine).claim
        var counters = RunCounters()
        for _ in 0..<found { counters.moved() }
        let measured = RunMeasurements(
            run: claim.run, cleanup: cleanup, counters: counters, duration: .seconds(1), lag: .zero,
            oldestOverdue: .zero,
            backlog: 0)
        let definitions = Alerts(engine: engine).definitions(for: cleanup)
        let now = try await engine.serverClock().now
        let states = try await engine.coordinator.finish(
            claim, next: now + .seconds(3_600), runFields: [("run", claim.run)], metricFields: measured.fields,
            alerts: definitions)
        guard let states else { throw CurfewError(.lost, claim.run) }
        // All see the states of before, as instances do that evaluate at the same moment.
        for engine in engines {
            try await Alerts(engine: engine).evaluate(measured, definitions, states: states, now: now)
        }
    }

    /// What was published, without the definitions: `many:firing:jobs:3`.
    func published() async throws -> [String] {
        try await scene.stream(keys.alerts).filter { $0["state"] != "threshold" }.map { entry in
            ["alert", "state", "cleanup", "value"].map { entry[$0] ?? "" }.joined(separator: ":")
        }
    }

    /// The definitions that were published: `many:found > 2`.
    func definitions() async throws -> [String] {
        try await scene.stream(keys.alerts).filter { $0["state"] == "threshold" }.map { entry in
            "\(entry["alert"] ?? ""):\(entry["metric"] ?? "") \(entry["op"] ?? "") \(entry["threshold"] ?? "")"
        }
    }
}

/// Runs a body with a Redis of its own and these alerts.
func withAlerts(_ alerts: String..., body: (AlertScene) async throws -> Void) async throws {
    let text = AlertScene.text() + (alerts.isEmpty ? "" : "alerts:\n" + alerts.map { "  \($0)\n" }.joined())
    try await withInstances(text) { try await body(AlertScene(scene: $0)) }
}
