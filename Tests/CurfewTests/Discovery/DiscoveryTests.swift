import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("discover", .tags(.ownServer))
struct DiscoveryTests {
    /// What is proposed for a keyspace, and how it is read.
    private struct Found {
        let proposal: Proposal
        let file: Configuration

        /// The cleanup of a name; nil also where it is only a comment.
        subscript(_ name: String) -> Cleanup? { file.cleanup(named: name) }

        /// Whether a line begins so, and is no comment.
        func proposes(_ text: String) -> Bool {
            proposal.text.split(separator: "\n").contains { $0.trimmingCharacters(in: .whitespaces).hasPrefix(text) }
        }

        /// Whether a line is there as a comment.
        func suggests(_ text: String) -> Bool {
            proposal.text.split(separator: "\n").contains { line in
                line.trimmingCharacters(in: .whitespaces).hasPrefix("#") && line.contains(text)
            }
        }
    }

    private static func discover(
        _ scope: Discovery.Scope = Discovery.Scope(), _ commands: (_ now: Int64) -> [[String]]
    ) async throws -> Found {
        try await withServerAndClient { server, redis in
            let now = try #require(try await redis.send(RedisCommand("TIME"))[0].integer)
            try await fill(redis, commands(now))
            return try await found(redis, scope, server.url)
        }
    }

    private static func fill(_ redis: RedisClient, _ commands: [[String]]) async throws {
        let replies = try await redis.pipeline(commands.map { RedisCommand($0[0], Array($0.dropFirst())) })
        for reply in replies { #expect(reply.error == nil) }
    }

    private static func found(_ redis: RedisClient, _ scope: Discovery.Scope, _ url: String) async throws -> Found {
        var discovery = try await Discovery(redis, scope)
        let proposal = try await discovery.run(for: RedisLines.text(for: url))
        let file = try Configuration.parse(proposal.text, file: "proposal", environment: [:])
        return Found(proposal: proposal, file: file)
    }

    @Test("jobs as JSON texts with their own words: states, times, a sign of life, a queue")
    func json() async throws {
        let found = try await Self.discover { now in
            (0..<40).flatMap { number -> [[String]] in
                let state = number < 25 ? "executing" : number < 35 ? "succeeded" : "errored"
                let ended = number < 25 ? "null" : "\"\(Self.iso(now - 3_600))\""
                return [
                    [
                        "SET", "app/task/\(number)",
                        """
                        {"state":"\(state)","timing":{"begun":\(now - 7_200),"ended":\(ended)},\
                        "node":{"worker_id":"n\(number % 3)"},"tries":1}
                        """,
                    ],
                    ["RPUSH", "app/ready", "\(number)"],
                ]
            } + [["SET", "app/worker/n1/alive", "1", "EX", "60"]]
        }
        let stuck = try #require(found["stuck-tasks"])
        #expect(stuck.records.text == "app/task/<id>" && stuck.format == .json && stuck.isDryRun)
        #expect(stuck.policy.activeStates == ["executing"] && stuck.statusField == "state")
        #expect(found.proposes("since: [timing.begun]"))
        #expect(found.proposal.text.contains("alive: app/worker/<node.worker_id>/alive"))
        #expect(found.suggests("queue: \"app/ready\"") || found.suggests("queue: app/ready"))
        #expect(found.proposes("since: [timing.ended]"))
        #expect(Set(found["old-tasks"]?.policy.activeStates ?? []) == ["succeeded", "errored"])
    }

    @Test("groups with their tasks, pauses, records that wait, locks and files have the policy that is theirs")
    func kinds() async throws {
        let found = try await Self.discover { now in
            (0..<12).flatMap { number -> [[String]] in
                let time = "\(now - 90_000)"
                return [
                    [
                        "HSET", "group:{g\(number)}", "state", "running", "touched", time, "total", "4", "waiting", "1",
                        "active", "1", "done", "1", "failures", "1",
                    ],
                    ["SADD", "group:{g\(number)}:members", "t\(number)", "t\(number + 1)"],
                    ["HSET", "task:t\(number)", "status", "queued", "parentId", "p\(number)", "created_at", time],
                    ["HSET", "parent:p\(number)", "status", "RUNNING", "startedAt", time],
                    ["HSET", "wizard:\(number)", "status", "ON_HOLD", "pausedAt", time],
                    ["SET", "mutex:\(number)", "n\(number % 2)"],
                    [
                        "HSET", "upload:\(number)", "url", "https://cdn.example/a/\(number).png", "created", time,
                        "removed_at", number < 4 ? time : "", "bytes", "1000",
                    ],
                ]
            }
        }
        #expect(found["stuck-groups"]?.kind == .counters && found.proposes("total: total"))
        #expect(found.proposes("members: {set: \"group:{<id>}:members\", record: \"task:<id>\""))
        #expect(found["stuck-groups"]?.records.text == "group:{<id>}")
        #expect(found["stuck-tasks"]?.kind == .dependent && found.proposes("parent: parent:<parentId>"))
        #expect(found["stuck-parents"]?.kind == .stuck)
        #expect(found["paused-wizards"]?.kind == .paused && found.proposes("to: CANCELLED"))
        #expect(found["old-mutexes"]?.kind == .locks)
        let files = try #require(found["uploads"])
        #expect(files.kind == .files && !files.isEnabled)
    }

    @Test("what is no background work, expires by itself or can't be judged is a comment with the reason")
    func doubts() async throws {
        let found = try await Self.discover { now in
            (0..<10).flatMap { number -> [[String]] in
                [
                    ["HSET", "user:\(number)", "name", "n\(number)", "created_at", "\(now - 9_000_000)"],
                    ["HSET", "order:\(number)", "status", "completed", "updated_at", "\(now - 9_000_000)"],
                    ["HSET", "import:\(number)", "status", "running", "rows", "\(number)"],
                    ["SET", "lock:\(number)", "x", "EX", "600"],
                    ["SET", "counter:\(number)", "\(number)"],
                ]
            }
        }
        #expect(found.file.cleanups.isEmpty)
        for name in ["old-users:", "old-orders:", "stuck-imports:", "old-locks:"] { #expect(found.suggests(name)) }
        #expect(found.suggests("expire by themselves"))
        #expect(found.suggests("no field of these records says when work on one began"))
        let doubts = found.proposal.answer.cleanups.compactMap(\.doubt)
        #expect(doubts.count == found.proposal.answer.cleanups.count)
    }

    @Test("the application's index is used if its name and its scores say that it has deadlines, else suggested")
    func indexes() async throws {
        let found = try await Self.discover { now in
            (0..<10).flatMap { number -> [[String]] in
                [
                    ["HSET", "render:\(number)", "status", "RUNNING", "started", "\(now - 900)"],
                    ["ZADD", "render:deadlines", "\(now + 60)", "\(number)"],
                    ["HSET", "scan:\(number)", "status", "RUNNING", "started", "\(now - 900)"],
                    ["ZADD", "scans:recent", "\(now - 60)", "\(number)"],
                ]
            }
        }
        #expect(found["stuck-renders"]?.index == "render:deadlines" && found["stuck-renders"]?.indexUnit == .seconds)
        #expect(found["stuck-scans"] != nil && found["stuck-scans"]?.index == nil)
        #expect(found.suggests("index: \"scans:recent\"") || found.suggests("index: scans:recent"))
    }

    @Test(
        "a list that says what is worked on is taken from, or is where the records are if they say nothing themselves")
    func registries() async throws {
        let found = try await Self.discover { now in
            (0..<10).flatMap { number -> [[String]] in
                [
                    ["HSET", "crawl:\(number)", "status", "RUNNING", "startedAt", "\(now - 900)"],
                    ["RPUSH", "crawls:active", "\(number)"], ["HSET", "mail:\(number)", "to", "x", "body", "y"],
                    ["ZADD", "mails:inflight", "\(now - 900)", "\(number)"], ["RPUSH", "mails:ready", "\(number)"],
                ]
            }
        }
        #expect(found["stuck-crawls"] != nil && found.suggests("from: crawls:active"))
        #expect(found["stuck-mails"] == nil && found.suggests("in: mails:inflight"))
        #expect(found.suggests("record: mail:<id>") && found.suggests("since: [\"<score>\"]"))
        #expect(found.suggests("to: \"mails:ready\""))
    }

    @Test("hostile keys and values can't leave their comments, and the file is still read")
    func hostile() async throws {
        let found = try await Self.discover { now in
            (0..<10).flatMap { number -> [[String]] in
                [
                    [
                        "HSET", "job:\(number)", "status", "RUN\nNING: x", "started\n  to: X", "\(now)",
                        "${HOME}", "#\"'", "state", "running", "startedAt", "\(now - 900)",
                    ],
                    ["HSET", "a b\nc: <x>:\(number)", "status", "RUNNING", "startedAt", "\(now)"],
                    ["HSET", "$price:\(number)", "status", "RUN #1", "startedAt", "\(now - 900)"],
                    ["SET", "\u{10FFFF}\u{10FFC3}:\(number)", "\u{10FFFF}"],
                ]
            }
        }
        #expect(found["stuck-jobs"]?.statusField == "state")
        #expect(!found.proposal.text.contains("\n  to: X"))
        #expect(found.file.cleanups.allSatisfy(\.isDryRun))
    }

    @Test("an empty Redis gives a file without cleanups")
    func empty() async throws {
        let found = try await Self.discover { _ in [] }
        #expect(found.file.cleanups.isEmpty && found.proposal.answer.scanned == 0)
    }

    @Test("a pattern and a limit bound what is looked at, and the limit is said")
    func scope() async throws {
        let all = { (now: Int64) -> [[String]] in
            (0..<2_000).map { ["HSET", "job:\($0)", "status", "RUNNING", "startedAt", "\(now - 900)"] }
                + [["SET", "other:1", "x"]]
        }
        let some = try await Self.discover(Discovery.Scope(limit: 200), all)
        #expect(!some.proposal.answer.complete && some.proposal.answer.scanned == 200)
        #expect(some.suggests("200 keys of 2,001"))
        let matched = try await Self.discover(Discovery.Scope(match: "other:*"), all)
        #expect(matched.proposal.answer.complete && matched.proposal.answer.scanned == 1)
    }

    @Test("systems with a preset are named, and nothing else is proposed for their keys")
    func systems() async throws {
        let found = try await Self.discover { now in
            [["SADD", "rq:queues", "rq:queue:default"], ["ZADD", "rq:wip:default", "\(now)", "7:e"]]
                + (0..<10).flatMap { number in
                    [
                        ["HSET", "rq:job:\(number)", "status", "started", "started_at", Self.iso(now)],
                        ["HSET", "job:\(number)", "status", "RUNNING", "startedAt", "\(now - 900)"],
                    ]
                }
        }
        #expect(found.proposal.answer.systems.map(\.preset) == ["rq"])
        #expect(found.proposal.text.contains("preset: rq"))
        #expect(found.proposal.answer.shapes.map(\.template) == ["job:<id>"])
    }

    private static func iso(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }
}
