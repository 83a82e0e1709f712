internal import Policies
internal import RedisClient

extension Doctor {
    /// How long a cleanup may be overdue before it is reported.
    private static let grace = Duration.seconds(60)

    /// The instances that are alive, their configurations, and cleanups that no instance runs.
    func fleet() async throws -> [Finding] {
        let status = try await Status.read(coordinator)
        return [instances(status)] + names(status) + [try await duplicates(), schedule(status)]
    }

    private func instances(_ status: Status) -> Finding {
        let living = status.instances.filter(\.isAlive)
        guard !living.isEmpty else {
            return Finding(
                "instances", .warning, "none is alive: scheduled cleanups don't run", advice: "start curfew work")
        }
        let versions = Set(living.compactMap(\.version)).sorted()
        if !status.remarks.isEmpty {
            return Finding(
                "instances", .warning, status.remarks.joined(separator: "; "),
                advice: status.cleanups.contains { $0.refused != nil }
                    ? "see names" : "each instance follows its own file: give all instances the same one")
        }
        guard versions.count <= 1 else {
            return Finding(
                "instances", .warning, "different versions are alive: \(versions.joined(separator: ", "))",
                advice: "complete the upgrade")
        }
        return Finding("instances", .ok, "\(living.count) alive, all with this configuration")
    }

    /// Names that mean different records on different instances; one of the cleanups isn't run.
    private func names(_ status: Status) -> [Finding] {
        let refused = status.cleanups.compactMap(\.refused)
        guard !refused.isEmpty else { return [] }
        return [
            Finding(
                "names", .problem, refused.joined(separator: "; "),
                advice: "give each environment its own prefix (prefix: …), or rename the cleanup")
        ]
    }

    /// Instances with a shared name (containers with the same host name, and process id 1) overwrite each other's
    /// measurements.
    ///
    /// Their CPU time then decreases repeatedly, which for a single process happens only at a restart.
    private func duplicates() async throws -> Finding {
        let name = "instance names"
        let page = try await StreamPage("XREVRANGE", of: store.keys.metrics, from: "+", to: "-", store.redis)
        var times: [String: [Int64]] = [:]
        for entry in page.entries where entry["kind"] == "instance" {
            guard let instance = entry["instance"], let time = entry["cpu_ms"].flatMap({ Int64($0) }) else { continue }
            if times[instance, default: []].count < 8 { times[instance, default: []].append(time) }
        }
        let shared = times.filter { _, newestFirst in
            zip(newestFirst, newestFirst.dropFirst()).count { $0 < $1 } >= 2
        }
        guard !shared.isEmpty else { return Finding(name, .ok, "every instance name belongs to one process") }
        return Finding(
            name, .problem, "several processes use the same name: \(shared.keys.sorted().joined(separator: ", "))",
            advice: "give every container its own host name")
    }

    private func schedule(_ status: Status) -> Finding {
        var remarks: [String] = []
        for cleanup in status.cleanups {
            if let pause = cleanup.paused { remarks.append("\(cleanup.name) is paused by \(pause.by): \(pause.why)") }
            if let since = cleanup.owedSince, cleanup.paused == nil {
                remarks.append(
                    "\(cleanup.name) has not succeeded since it was due at \(since): \(cleanup.lastError ?? "")")
            }
            guard ["due", "lost"].contains(cleanup.state), let late = cleanup.inMs, late < -Self.grace.milliseconds
            else {
                continue
            }
            remarks.append("\(cleanup.name) is overdue by \(Duration.milliseconds(-late).roughText)")
        }
        guard !remarks.isEmpty else { return Finding("schedule", .ok, "nothing is overdue or paused") }
        return Finding(
            "schedule", .warning, remarks.joined(separator: "; "),
            advice: "curfew status shows which instance runs what; curfew resume NAME resumes a paused cleanup")
    }

    /// The types of Curfew's own keys and of the indexes: a key of another type breaks everything that uses it.
    func ownKeys() async throws -> [Finding] {
        let keys = store.keys
        let own =
            [
                (keys.schedule, "zset"), (keys.instances, "zset"), (keys.fence, "hash"), (keys.paused, "hash"),
                (keys.runs, "stream"), (keys.metrics, "stream"), (keys.alerts, "stream"), (keys.events, "stream"),
                (keys.definitions, "hash"), (keys.owed, "hash"), (keys.alert(ClockStep.alert), "hash"),
                (keys.running, "zset"),
            ] + configuration.cleanups.map { (keys.lease($0.name), "hash") }
        let cleanups = configuration.cleanups
        let indexes = cleanups.map { $0.indexKey(keys) }
        let replies = try await store.redis.pipeline((own.map(\.0) + indexes).map { RedisCommand("TYPE", [$0]) })
        if let error = replies.lazy.compactMap(\.error).first { return [.unknown("keys", "TYPE", error.message)] }
        let types = replies.map { $0.string ?? "none" }
        let wrong = zip(own, types).filter { $0.0.1 != $0.1 && $0.1 != "none" }
            .map { "\($0.0.0) is a \($0.1), expected a \($0.0.1)" }
        var findings = [Finding("keys", .ok, "Curfew's own keys have the right types")]
        if !wrong.isEmpty {
            findings = [
                Finding(
                    "keys", .problem, wrong.joined(separator: "; "),
                    advice: "another program uses these names: choose another prefix in the configuration")
            ]
        }
        return findings + self.indexes(Array(zip(cleanups, zip(indexes, types.dropFirst(own.count)))))
    }

    private func indexes(_ found: [(Cleanup, (String, String))]) -> [Finding] {
        var findings: [Finding] = []
        for (cleanup, (index, type)) in found {
            if type == "none", cleanup.index != nil {
                findings.append(
                    Finding(
                        "index", .warning, "\(cleanup.name): \(index) does not exist",
                        advice: "fine if nothing is tracked right now; otherwise check the name in the configuration"))
            } else if type != "none", type != "zset" {
                findings.append(
                    Finding(
                        "index", .problem, "\(cleanup.name): \(index) is a \(type), expected a sorted set",
                        advice: "an index has record ids as members and deadlines in Unix milliseconds as scores"))
            }
        }
        guard findings.isEmpty else { return findings }
        return [Finding("index", .ok, "all indexes are sorted sets, or are created by the first run")]
    }
}
