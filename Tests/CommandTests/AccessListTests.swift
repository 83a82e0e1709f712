import AsyncHTTPClient
import Curfew
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import RedisClient
import TestNeeds
import TestSupport
import Testing

/// Workers with the rights of `Deploy/redis/curfew.acl` and no other: their runs, pages, routes and webhooks.
@Suite(
    "the access list that is given out", .tags(.processes), .enabled(if: RedisServer.hasFunctions),
    .timeLimit(.minutes(4)))
struct AccessListTests {
    /// What the workers connect to.
    enum Kind: CaseIterable, Sendable {
        case server, cluster
    }

    /// Redis with the user `curfew` on every server, and a receiver of webhooks.
    private struct Scene: Sendable {
        let redis: RedisClient
        let folder: String
        let url: String
        let receiver: HTTPReceiver
        let admin = "admin-token-0123456789"
        let cron = "cron-secret-0123456789"

        @discardableResult
        func send(_ words: String...) async throws -> RedisValue {
            try await redis.send(RedisCommand(words[0], Array(words.dropFirst())))
        }

        /// Sends a command to every server.
        func everywhere(_ words: [String]) async throws -> [RedisValue] {
            var replies: [RedisValue] = []
            for node in try await redis.primaries() {
                replies.append(try await redis.send(RedisCommand(words[0], Array(words.dropFirst())), to: node))
            }
            return replies
        }

        /// Waits until the receiver was told of this, so many times.
        func told(of text: String, _ count: Int = 1) async throws {
            try await eventually("the receiver hears of \(text)") {
                receiver.requests.count { $0.body.contains(text) } >= count
            }
        }
    }

    private func withScene(_ kind: Kind, _ body: (Scene) async throws -> Void) async throws {
        try await HTTPReceiver.withReceiver { receiver in
            switch kind {
            case .server:
                try await withServerAndClient { server, redis in
                    let url = "redis://curfew:secret@127.0.0.1:\(server.port)/0"
                    try await body(Scene(redis: redis, folder: server.folder, url: url, receiver: receiver))
                }
            case .cluster:
                try await withClusterAndClient { cluster, redis in
                    let url = cluster.url.replacing("://", with: "://curfew:secret@")
                    let folder = cluster.members[0].server.folder
                    try await body(Scene(redis: redis, folder: folder, url: url, receiver: receiver))
                }
            }
        }
    }

    private static func words() throws -> [String] {
        let path = DocumentationPage.root.appendingPathComponent("Deploy/redis/curfew.acl")
        return try String(contentsOf: path, encoding: .utf8).split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// A cleanup of every kind; nobody is at the address of the storage.
    private static func configuration(_ scene: Scene) throws -> String {
        let text = """
            redis: \(scene.url)
            worker: {lease: 3s, heartbeat: 1s}
            http: {listen: 127.0.0.1:0, admin-token: \(scene.admin), cron-secret: \(scene.cron)}
            storage:
              uploads: {endpoint: "http://127.0.0.1:\(try freePort())", bucket: b, access-key: a, secret-key: s}
            webhooks:
              ops: {url: "\(scene.receiver.url)", secret: s, on: [alert, warning, run-failed]}
            routes: {nightly: [stuck-jobs]}
            alerts:
              many: {cleanup: stuck-jobs, metric: found, above: 0}
              late: {cleanup: "*", metric: overdue, above: 10m}
            cleanups:
              stuck-jobs:
                policy: stuck
                every: 1h
                records: job:<id>
                index: jobs:deadlines
                scan: 1h
                states: [PROCESSING]
                since: [startedAt]
                heartbeat: beatAt
                timeout: 5m
                alive: worker:<worker>:alive
                retry: {limit: 1, window: 72h, to: QUEUED, queue: jobs:queued}
                to: FAILED
                refund: {amount: cost, balance: "user:<user>:tokens", ledger: "user:<user>:refunds"}
              groups:
                policy: counters
                every: 1h
                records: generation:<id>
                states: [processing]
                since: [at]
                timeout: 3h
                total: total
                counters: {queued: queued, processing: processing, completed: completed, failed: failed}
                members: {set: "generation:<id>:tasks", record: "task:<id>", status: status}
              old-locks: {policy: locks, every: 1h, records: "lock:<id>", since: [at], timeout: 3h, alive: "worker:<owner>:alive"}
              batches: {policy: paused, every: 1h, records: "batch:<id>", states: [paused], since: [at], stale: 1d, warn: 2d, timeout: 300d, to: cancelled}
              plans: {policy: dependent, every: 1h, records: "plan:<id>", states: [PENDING], since: [at], grace: 5m, parent: "job:<job>", parent-states: [PROCESSING], to: DRAFT}
              downloads: {policy: retention, every: 1h, records: "download:<id>", since: [at], keep: 30d, also: ["download:<id>:log"]}
              files: {policy: files, every: 1h, records: "file:<id>", since: [at], orphan: {unless: entity, after: 24h}, storage: uploads, object: key}
            """
        let path = "\(scene.folder)/curfew.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Something for every cleanup to do.
    private static func prepare(_ scene: Scene) async throws {
        let now = try #require(try await scene.redis.send(RedisCommand("TIME"))[0].integer)
        let (hours, days) = (String(now - 6 * 3_600), String(now - 60 * 86_400))
        let job = ["status", "PROCESSING", "startedAt", hours, "cost", "3", "user", "7", "worker", "w1"]
        try await scene.redis.pipeline([
            RedisCommand("HSET", ["job:retried"] + job),
            RedisCommand("HSET", ["job:failed"] + job + ["attempts", "1"]),
            RedisCommand("HSET", ["job:alive"] + job + ["worker", "w2"]),
            RedisCommand("SET", ["worker:w2:alive", "1"]),
            RedisCommand("ZADD", ["jobs:deadlines", "1", "retried", "1", "failed", "1", "alive"]),
            RedisCommand(
                "HSET", ["generation:1", "status", "processing", "at", hours, "total", "1", "queued", "9"]),
            RedisCommand("SADD", ["generation:1:tasks", "1"]), RedisCommand("HSET", ["task:1", "status", "completed"]),
            RedisCommand("HSET", ["lock:1", "at", hours, "owner", "w1"]),
            RedisCommand("HSET", ["batch:1", "status", "paused", "at", days]),
            RedisCommand("HSET", ["plan:1", "status", "PENDING", "at", hours, "job", "none"]),
            RedisCommand("HSET", ["download:1", "at", days]), RedisCommand("RPUSH", ["download:1:log", "line"]),
            RedisCommand("HSET", ["file:1", "at", days, "key", "a/b", "status", "ready"]),
        ])
    }

    @Test("runs, pages, routes and webhooks need nothing that it doesn't give", arguments: Kind.allCases)
    func suffices(kind: Kind) async throws {
        try await withScene(kind) { scene in
            _ = try await scene.everywhere(["ACL", "SETUSER", "curfew", "on", ">secret"] + Self.words().dropFirst(3))
            // Whoever has these rights may not load the functions: an administrator has.
            try await FunctionLibrary(redis: scene.redis, logger: Logger(label: "test")).load()
            try await Self.prepare(scene)
            let path = try Self.configuration(scene)
            let first = try WorkerProcess(configuration: path, folder: scene.folder)
            let address = try await first.address()
            for subject in ["many", "batch:1", "files-1"] { try await scene.told(of: subject) }
            try await expectDone(scene)
            try await Self.look(address, scene)
            try await Self.act(address, scene)
            // Another takes over what the first has left: runs, and the queue of the webhook.
            let second = try WorkerProcess(configuration: path, folder: scene.folder)
            let other = try await second.address()
            await first.crash()
            try await scene.send("XADD", "{curfew}:alerts", "*", "alert", "by hand", "state", "firing", "message", "x")
            try await scene.told(of: "by hand")
            let rerun = try await HTTPAnswer.to(
                .POST, "\(other)/api/v1/cleanups/old-locks/runs", token: scene.admin, "{}")
            #expect(rerun.status == 200, "\(rerun.text)")
            #expect(await second.terminate() == 0)
            for log in [first.log, second.log] { #expect(!log.contains("NOPERM"), "\(log)") }
            for refusals in try await scene.everywhere(["ACL", "LOG"]) { #expect(refusals.count == 0, "\(refusals)") }
        }
    }

    /// What the first runs have done.
    private func expectDone(_ scene: Scene) async throws {
        try await eventually("every cleanup has run") {
            try await scene.send("XLEN", "{curfew}:runs").integer ?? 0 >= 7
        }
        #expect(try await scene.send("HGET", "job:failed", "status").string == "FAILED")
        #expect(try await scene.send("HGET", "job:retried", "status").string == "QUEUED")
        #expect(try await scene.send("GET", "user:7:tokens").string == "3")
        #expect(try await scene.send("HGET", "generation:1", "status").string == "completed")
        #expect(try await scene.send("EXISTS", "lock:1").integer == 0)
        #expect(try await scene.send("HEXISTS", "batch:1", "warnedAt").integer == 1)
        #expect(try await scene.send("HGET", "plan:1", "status").string == "DRAFT")
        #expect(try await scene.send("EXISTS", "download:1").integer == 0)
        #expect(try await scene.send("HGET", "file:1", "status").string == "deleting")
    }

    /// Everything that shows something.
    private static func look(_ address: String, _ scene: Scene) async throws {
        var paths = ["/healthz", "/readyz", "/metrics", "/", "/api/v1/cleanups", "/openapi.json"]
        paths += ["runs", "runs/stuck-jobs-1", "runs/stuck-jobs-1/events", "events", "alerts"].map { "/api/v1/\($0)" }
        paths += ["/runs/stuck-jobs-1"]
        for name in ["stuck-jobs", "groups", "old-locks", "batches", "plans", "downloads", "files"] {
            paths += ["", "/preview", "/stats"].map { "/api/v1/cleanups/\(name)\($0)" }
            paths += ["", "/runs", "/preview", "/stats"].map { "/cleanups/\(name)\($0)" }
        }
        for path in paths {
            let answer = try await HTTPAnswer.to(address + path, token: scene.admin)
            #expect(answer.status == 200 && !answer.text.contains("NOPERM"), "\(path): \(answer.text)")
        }
        for subject in ["overview", "cleanup:stuck-jobs"] {
            var request = HTTPClientRequest(url: "\(address)/live?page=\(subject)")
            request.headers.add(name: "authorization", value: "Bearer \(scene.admin)")
            let page = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            var text = ""
            for try await part in page.body {
                text += String(buffer: part)
                if text.contains("data:") { break }
            }
            #expect(text.contains("data:"), "\(subject)")
        }
    }

    /// Everything that does something.
    private static func act(_ address: String, _ scene: Scene) async throws {
        func post(_ path: String, _ body: String = "{}") async throws {
            let answer = try await HTTPAnswer.to(.POST, address + path, token: scene.admin, body)
            #expect(answer.status == 200, "\(path): \(answer.text)")
        }
        try await post("/api/v1/cleanups/stuck-jobs/runs", "{\"dryRun\": true}")
        try await post("/api/v1/cleanups/stuck-jobs/pause", "{\"why\": \"a look\"}")
        try await post("/api/v1/runs/stuck-jobs-1/undo")
        try await post("/api/v1/cleanups/stuck-jobs/resume")
        try await post("/api/v1/cleanups/stuck-jobs/runs", "{\"limit\": 10}")
        try await post("/api/v1/runs/downloads-1/undo")
        try await post("/api/admin/jobs/cleanup")
        #expect(try await scene.send("HGET", "job:failed", "status").string == "FAILED")
        #expect(try await scene.send("EXISTS", "download:1").integer == 1)
        let cron = try await HTTPAnswer.to("\(address)/api/cron/stuck-jobs", token: scene.cron)
        #expect(cron.status == 200, "\(cron.text)")

        let page = try await HTTPAnswer.to("\(address)/cleanups/stuck-jobs", token: scene.admin).text
        let token = try #require(page.firstMatch(of: /name="form_token" value="([^"]+)"/)).output.1
        let allowed = CharacterSet.alphanumerics
        let code = try #require(String(token).addingPercentEncoding(withAllowedCharacters: allowed))
        // Without redirects, which a browser follows.
        let client = HTTPClient(
            eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: .init(redirectConfiguration: .disallow))
        for (path, field) in [
            ("cleanups/stuck-jobs/run", "dryRun=1"), ("cleanups/stuck-jobs/pause", "why=a+look"),
            ("runs/old-locks-1/undo", ""), ("cleanups/stuck-jobs/resume", ""), ("cleanups/stuck-jobs/cancel", ""),
        ] {
            let answer = try await HTTPAnswer.to(
                .POST, "\(address)/\(path)", token: scene.admin, "form_token=\(code)&\(field)",
                headers: ["content-type": "application/x-www-form-urlencoded"], client: client)
            #expect(answer.status == 303, "\(path): \(answer.text)")
        }
        try await client.shutdown()
        #expect(try await scene.send("EXISTS", "lock:1").integer == 1)
        try await actWithoutWaiting(address, scene)
    }

    /// A job that nobody waits for: its state is written, read and asked to change.
    private static func actWithoutWaiting(_ address: String, _ scene: Scene) async throws {
        let run = "\(address)/api/jobs/run?wait=false&job_type=nightly"
        let begun = try await HTTPAnswer.to(.POST, run, token: scene.admin, "{}")
        #expect(begun.status == 202, "\(begun.text)")
        let job = "\(address)/api/jobs/\(try #require(try begun.json["id"] as? String))"
        let cancelled = try await HTTPAnswer.to(.POST, "\(job)/cancel", token: scene.admin, "{}")
        #expect(cancelled.status == 200, "\(cancelled.text)")
        try await eventually("the job has ended") {
            let state = try await HTTPAnswer.to(job, token: scene.admin)
            return try ["completed", "cancelled"].contains(state.json["status"] as? String)
        }
    }
}
