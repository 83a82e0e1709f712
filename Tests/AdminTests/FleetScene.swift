import Curfew
import Policies
import RedisClient

@testable import Admin

/// A fleet as its instances leave it in Redis: many cleanups and instances, of which some need attention.
struct FleetScene: Sendable {
    let scene: AdminScene
    let names: [String]
    let instances: Int

    static let overdue = "cleanup-0900", failing = "cleanup-0901", alerting = "cleanup-0902", running = "cleanup-0903"
    static let gone = "web-0500"

    /// So many cleanups, and an alert on all of them.
    static func text(_ count: Int) -> String {
        let cleanup = "policy: retention, every: 1h, states: [DONE], since: [at], keep: 1d"
        let cleanups = (0..<count).map { number in
            "  \(name(number)): {\(cleanup), records: \"job\(number):<id>\", index: jobs\(number)}\n"
        }
        return "cleanups:\n" + cleanups.joined() + "alerts:\n  many: {cleanup: \"*\", metric: found, above: 10}\n"
    }

    static func name(_ number: Int, _ word: String = "cleanup") -> String {
        let digits = String(number)
        return "\(word)-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Writes everything, with a run of history for each cleanup.
    func fill() async throws {
        let (keys, fingerprint) = (scene.engine.keys, scene.engine.configuration.fingerprint)
        let now = try await scene.engine.serverClock().now.milliseconds
        var commands: [RedisCommand] = []
        for (number, name) in names.enumerated() {
            let due = name == Self.overdue ? now - 3_600_000 : now + 3_600_000
            let definition = """
                {"policy":"retention","records":"job\(number):<id>","index":"jobs\(number)","every_ms":"3600000",\
                "cron":"","timezone":"","off":"","configs":"\(fingerprint)","by":"\(Self.gone)","at":""}
                """
            let status = name == Self.failing ? "failed" : "completed"
            commands += [
                RedisCommand("ZADD", [keys.schedule, String(due), name]),
                RedisCommand("HSET", [keys.definitions, name, definition]),
                RedisCommand("HSET", [keys.fence, name, "1"]),
                RedisCommand("ZADD", ["jobs\(number)", "1", "a", "2", "b"]),
                RedisCommand(
                    "XADD",
                    [
                        keys.runs, "*", "run", "\(name)-1", "cleanup", name, "policy", "retention", "trigger",
                        "schedule", "status", status, "due_ms", String(now - 60), "started_ms", String(now - 50),
                        "finished_ms", String(now), "found", "2", "changed", "2", "error",
                        status == "failed" ? "the disk is gone" : "",
                    ]),
                RedisCommand(
                    "XADD", [keys.metrics, "*", "kind", "run", "cleanup", name, "changed", "2", "type:BIG", "1"]),
            ]
        }
        let lease = ["run", "\(Self.running)-2", "instance", "web-0001", "progress", "40", "step", "sweep"]
        commands.append(RedisCommand("HSET", [keys.lease(Self.running)] + lease))
        let state = ["severity", "critical", "metric", "found", "threshold", "10", "definition", "found > 10"]
        let firing = ["state:\(Self.alerting)", "firing", "value:\(Self.alerting)", "11"]
        commands.append(RedisCommand("HSET", [keys.alert("many")] + state + firing))
        for number in 0..<instances {
            let id = Self.name(number, "web")
            commands.append(RedisCommand("ZADD", [keys.instances, String(now), id]))
            guard id != Self.gone else { continue }
            let fields = ["host", "web", "version", "1.0.0", "config", fingerprint, "running", "", "pid", "1"]
            commands.append(RedisCommand("HSET", [keys.instance(id)] + fields))
        }
        for start in stride(from: 0, to: commands.count, by: 5_000) {
            let part = Array(commands[start...].prefix(5_000))
            for reply in try await scene.redis.pipeline(part) { if let error = reply.error { throw error } }
        }
    }

    /// How many commands Redis has executed.
    func commands() async throws -> Int {
        try await scene.send("INFO", "stats").infoField("total_commands_processed").flatMap { Int($0) } ?? 0
    }
}

/// Runs a body on a fleet of its own.
func withFleet(
    cleanups: Int = 1_000, instances: Int = 1_000, _ body: (FleetScene) async throws -> Void
) async throws {
    try await withAdmin(cleanups: FleetScene.text(cleanups)) { scene in
        let names = (0..<cleanups).map { FleetScene.name($0) }
        let fleet = FleetScene(scene: scene, names: names, instances: instances)
        try await fleet.fill()
        try await body(fleet)
    }
}
