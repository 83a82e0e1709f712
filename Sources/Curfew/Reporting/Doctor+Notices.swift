internal import Foundation
internal import RedisClient

extension Doctor {
    /// The queued and failed deliveries of each receiver; nothing if there are none and never were any.
    func notices() async throws -> [Finding] {
        var findings: [Finding] = []
        for receiver in configuration.receivers { findings.append(try await look(at: receiver)) }
        return findings + (try await leftGroups())
    }

    /// The commands that deliveries need, one for each way in which they use a key.
    func needs(of receiver: NoticeReceiver) -> [[String]] {
        let keys = store.keys
        let group = NoticeReader.group(of: receiver)
        let (queue, letters, dead) = (receiver.queue(keys), receiver.letters(keys), receiver.dead(keys))
        let streams = receiver.terms.streams.map { $0.key(keys) }
        return streams.flatMap { stream in
            [
                ["XREADGROUP", "GROUP", group, "x", "STREAMS", stream, ">"], ["XACK", stream, group, "0-1"],
                ["XAUTOCLAIM", stream, group, "x", "1", "0-0"], ["XPENDING", stream, group],
                ["XGROUP", "CREATE", stream, group, "$"],
                ["XGROUP", "DELCONSUMER", stream, group, "x"], ["XINFO", "CONSUMERS", stream, group],
            ]
        } + [
            ["ZCARD", queue], ["ZRANGE", queue, "0", "1"], ["ZADD", queue, "1", "x"], ["ZREM", queue, "x"],
            ["HSET", letters, "a", "b"], ["HMGET", letters, "a"], ["HDEL", letters, "a"],
            ["LPUSH", dead, "x"], ["LTRIM", dead, "0", "1"],
        ]
    }

    private func look(at receiver: NoticeReceiver) async throws -> Finding {
        let dead = receiver.dead(store.keys)
        let replies = try await store.redis.pipeline([
            RedisCommand("ZCARD", [receiver.queue(store.keys)]), RedisCommand("LLEN", [dead]),
            RedisCommand("LINDEX", [dead, "0"]),
        ])
        if let error = replies.lazy.compactMap(\.error).first {
            let commands = "ZCARD, LLEN and LINDEX at {\(configuration.prefix)}:*"
            return .unknown(receiver.label, commands, error.message)
        }
        let failed = replies[1].integer ?? 0
        var message = "\(receiver.host): \(replies[0].integer ?? 0) waiting, \(failed) failed"
        if let problem = await problem(with: receiver) {
            return Finding(
                receiver.label, .warning, "\(message); now it can't be used: \(problem)",
                advice: "mails wait and are retried: check mail.smtp, and whether the server is running")
        }
        if failed > 0 {
            return Finding(
                receiver.label, .warning, "\(message), the last because \(Self.reason(replies[2], of: receiver))",
                advice: "fix the receiver; LRANGE and DEL \(dead) show and clear them")
        }
        if let error = try await lastError(of: receiver) {
            message += ", retried because \(Self.subject(of: receiver))\(error)"
            return Finding(receiver.label, .warning, message, advice: "fix the receiver; the messages are retried")
        }
        return remark(on: receiver, message) ?? Finding(receiver.label, .ok, message)
    }

    /// What is missing in the configuration of a receiver; nil if nothing is.
    private func remark(on receiver: NoticeReceiver, _ message: String) -> Finding? {
        guard case .webhook(let webhook) = receiver, webhook.secret == nil else { return nil }
        let path = "webhooks.\(webhook.name).secret"
        if webhook.format == .pagerDuty {
            return Finding(
                receiver.label, .warning, "\(message), without an integration key",
                advice: "PagerDuty refuses events without one: set it as \(path)")
        }
        return Finding(
            receiver.label, .warning, "\(message), unsigned",
            advice: "set a secret, so that the receiver can verify the sender: \(path)")
    }

    /// Why a mail server can't be used now; a webhook can't be tried without sending something.
    private func problem(with receiver: NoticeReceiver) async -> String? {
        guard case .mail(let mail) = receiver else { return nil }
        let client = SMTPClient(server: mail.server, timeout: min(mail.timeout, .seconds(10)))
        do {
            try await client.check()
            return nil
        } catch {
            return client.reason(error)
        }
    }

    /// The error of the first waiting message that has one.
    private func lastError(of receiver: NoticeReceiver) async throws -> String? {
        // A user without these permissions gets the numbers all the same.
        let waiting = try await store.redis.pipeline([
            RedisCommand("ZRANGE", [receiver.queue(store.keys), "0", "9"])
        ])[0].elements.compactMap(\.string)
        guard !waiting.isEmpty else { return nil }
        let letters = try await store.redis.pipeline([
            RedisCommand("HMGET", [receiver.letters(store.keys)] + waiting)
        ])[0]
        for letter in letters.elements.compactMap(\.string) {
            do {
                let error = try JSONDecoder().decode(NoticeQueue.Letter.self, from: Data(letter.utf8)).error
                if let error { return error }
            } catch {
                // The sender reports it.
                continue
            }
        }
        return nil
    }

    /// What the errors of a receiver are about.
    private static func subject(of receiver: NoticeReceiver) -> String {
        if case .webhook = receiver { "it " } else { "" }
    }

    private static func reason(_ reply: RedisValue, of receiver: NoticeReceiver) -> String {
        do {
            let letter = try JSONDecoder().decode(DeadLetter.self, from: Data((reply.string ?? "").utf8))
            return subject(of: receiver) + letter.error
        } catch {
            return "it can't be read"
        }
    }

    /// The consumer groups of receivers that are no longer configured: if they were configured again, they would deliver
    /// everything that happened in between.
    private func leftGroups() async throws -> [Finding] {
        let known = Set(configuration.receivers.map(NoticeReader.group))
        var left: [String] = []
        for stream in Webhook.Subject.Stream.allCases.map({ $0.key(store.keys) }) {
            // A missing stream is answered with an error, and so is a user without this permission.
            let groups = try await store.redis.pipeline([RedisCommand("XINFO", ["GROUPS", stream])])[0]
            for group in groups.elements {
                let name = group.pairs.first { $0.0 == "name" }?.1 ?? ""
                let isOurs = name.hasPrefix(NoticeReader.group(of: "")) || name == NoticeReader.mailGroup
                guard isOurs, !known.contains(name) else { continue }
                left.append("XGROUP DESTROY \(stream) \(name)")
            }
        }
        guard !left.isEmpty else { return [] }
        return [
            Finding(
                "webhooks", .warning, "\(left.count) consumer groups belong to receivers that are no longer configured",
                advice: left.joined(separator: "; "))
        ]
    }
}
