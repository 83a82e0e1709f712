import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("webhooks that fail", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct WebhookFailureTests {
    @Test("a receiver that fails twice gets the same message again, with the same id")
    func retried() async throws {
        try await withWebhook(answer: { number, _ in number < 3 ? .status(500) : .status(204) }) { hook in
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert()
                try await hook.received(3)
                try await hook.isThrough()
            }
            let requests = hook.receiver.requests
            #expect(requests.count == 3)
            #expect(Set(requests.map(\.body)).count == 1)
            #expect(Set(requests.map { $0.headers["curfew-id"] }).count == 1)
            #expect(try await hook.deadLetters().isEmpty)
        }
    }

    @Test("a receiver that hangs is given up after the timeout, and asked again later")
    func hangs() async throws {
        try await withWebhook(answer: { number, _ in number == 1 ? .silence : .status(200) }) { hook in
            try await hook.withSenders(try hook.engine("one", more: ", timeout: 1s")) {
                try await hook.alert()
                try await hook.received(2)
                try await hook.isThrough()
            }
            let requests = hook.receiver.requests
            #expect(requests.count == 2)
            // The sender's time begins before the receiver has noticed the first one.
            #expect(requests[0].at.duration(to: requests[1].at) >= .milliseconds(500))
        }
    }

    @Test(
        "whatever isn't an acceptance is tried to the last, and then a dead letter that says why",
        arguments: [
            (HTTPReceiver.Answer.status(404), "answered 404"),
            (.redirect(302, to: "/elsewhere"), "answered 302: redirects are not followed"),
            (.redirect(308, to: "/elsewhere"), "answered 308: redirects are not followed"),
            (.silence, "no answer within 1s"),
            (.hangUp, "Remote connection closed"),
        ])
    func deadLetter(answer: HTTPReceiver.Answer, reason: String) async throws {
        try await withWebhook(answer: { _, _ in answer }) { hook in
            // A busy machine may take long for an answer that comes.
            let timeout = reason == "no answer within 1s" ? "1s" : "30s"
            try await hook.withSenders(try hook.engine("one", more: ", timeout: \(timeout), tries: 3")) {
                try await hook.alert()
                try await eventually("a dead letter") { try await !hook.deadLetters().isEmpty }
                try await hook.isThrough()
            }
            #expect(hook.receiver.requests.map(\.target) == Array(repeating: "/hook?token=s3cr3t", count: 3))
            let letter = try #require(try await hook.deadLetters().first)
            #expect(letter.error == reason)
            #expect(letter.tries == 3)
            #expect(letter.body == hook.receiver.requests[0].body)
        }
    }

    @Test("an address that is gone for good is not tried again")
    func gone() async throws {
        try await withWebhook(answer: { _, _ in .status(410) }) { hook in
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert()
                try await eventually("a dead letter") { try await !hook.deadLetters().isEmpty }
                try await hook.isThrough()
            }
            #expect(hook.receiver.requests.count == 1)
            #expect(try await hook.deadLetters().map(\.error) == ["answered 410: the address is gone for good"])
        }
    }

    @Test("deliveries wait for a receiver that is down, and survive the instance that tried")
    func down() async throws {
        let port = try freePort()
        try await withWebhook { hook in
            let url = "http://127.0.0.1:\(port)/hook"
            try await hook.withSenders(try hook.engine("one", url: url)) {
                try await hook.alert()
                try await eventually("failed attempts") {
                    let letter = try await hook.scene.send("HVALS", hook.keys.webhookLetters("ops"))[0].string
                    return letter?.contains(/"tries":[2-9]/) == true
                }
            }
            try await HTTPReceiver.withReceiver(port: port) { receiver in
                try await hook.withSenders(try hook.engine("two", url: url)) {
                    try await eventually("the delivery") { receiver.requests.count == 1 }
                    try await hook.isThrough()
                }
            }
        }
    }

    @Test("only the newest dead letters are kept")
    func deadLettersAreFew() async throws {
        try await withWebhook(answer: { _, _ in .status(410) }) { hook in
            let words = (1...NoticeQueue.mostDead).map { "letter \($0)" }
            try await hook.scene.redis.send(RedisCommand("RPUSH", [hook.keys.webhookDead("ops")] + words))
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert()
                try await hook.received(1)
                try await hook.isThrough()
            }
            let kept = try await hook.scene.send("LRANGE", hook.keys.webhookDead("ops"), "0", "-1").elements
            #expect(kept.count == NoticeQueue.mostDead)
            #expect(kept[0].string?.contains("curfew:alerts:") == true && kept[1].string == "letter 1")
        }
    }

    @Test("a receiver that hangs delays no run, and a shutdown only by the time of grace")
    func delaysNothing() async throws {
        try await withWebhook(answer: { _, _ in .silence }) { hook in
            try await hook.scene.stick(1...200)
            let engine = try hook.engine("one") { $0.grace = .milliseconds(200) }
            let worker = Worker(engine: engine)
            let watch = Stopwatch()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                defer { worker.stop() }
                try await hook.listening(engine)
                for number in 1...10 { try await hook.alert("alert-\(number)") }
                // As many as are under way at once, and no more.
                try await hook.received(4)
                try await eventually("the first run") { try await hook.scene.stream(hook.keys.runs).count == 1 }
                try await hook.scene.schedule("jobs", in: .zero)
                try await eventually("a second run") { try await hook.scene.stream(hook.keys.runs).count >= 2 }
            }
            let runs = try await hook.scene.stream(hook.keys.runs)
            #expect(runs.allSatisfy { $0["status"] == "completed" })
            #expect(hook.receiver.requests.count == 4)
            // The timeout is ten seconds: nobody has waited for it.
            #expect(watch.elapsed < .seconds(8))
            #expect(try await hook.scene.send("ZCARD", hook.keys.webhook("ops")).integer == 10)
        }
    }

    @Test("waits grow fourfold to an hour, and are shortened by up to a half")
    func waits() {
        let timing = NoticeTiming()
        let longest = (1...15).map { timing.backoff.delay(failures: $0, jitter: 1) }
        #expect(
            longest.map { Int($0 / .seconds(1)) } == [
                1, 4, 16, 64, 256, 1024, 3600, 3600, 3600, 3600, 3600, 3600, 3600, 3600, 3600,
            ])
        #expect((1...15).map { timing.backoff.delay(failures: $0, jitter: 0) * 2 } == longest)
    }

    @Test("a queue with something in it that is no letter goes on with the rest")
    func damaged() async throws {
        try await withWebhook { hook in
            try await hook.scene.send("ZADD", hook.keys.webhook("ops"), "1", "a", "2", "b")
            try await hook.scene.send("HSET", hook.keys.webhookLetters("ops"), "b", "{")
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert()
                try await hook.received(1)
                try await hook.isThrough()
            }
        }
    }
}
