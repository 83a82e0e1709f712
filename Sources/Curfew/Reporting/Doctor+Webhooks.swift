internal import Foundation
internal import RedisClient

extension Doctor {
    /// What waits for each webhook, and what was given up; nothing where none is configured and none ever was.
    func webhooks() async throws -> [Finding] {
        var findings: [Finding] = []
        for webhook in configuration.webhooks { findings.append(try await look(at: webhook)) }
        return findings + (try await leftGroups())
    }

    /// One command for every way in which deliveries use a key.
    func needs(of webhook: Webhook) -> [[String]] {
        let keys = store.keys
        let group = WebhookReader.group(of: webhook.name)
        let (queue, letters) = (keys.webhook(webhook.name), keys.webhookLetters(webhook.name))
        let dead = keys.webhookDead(webhook.name)
        let streams = webhook.subjects.map { $0.stream.key(keys) }
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

    private func look(at webhook: Webhook) async throws -> Finding {
        let name = "webhook \(webhook.name)"
        let keys = store.keys
        let replies = try await store.redis.pipeline([
            RedisCommand("ZCARD", [keys.webhook(webhook.name)]), RedisCommand("LLEN", [keys.webhookDead(webhook.name)]),
            RedisCommand("LINDEX", [keys.webhookDead(webhook.name), "0"]),
        ])
        if let error = replies.lazy.compactMap(\.error).first {
            return .unknown(name, "ZCARD, LLEN and LINDEX at {\(configuration.prefix)}:*", error.message)
        }
        let dead = replies[1].integer ?? 0
        let message = "\(webhook.address.host): \(replies[0].integer ?? 0) waiting, \(dead) given up"
        if dead > 0 {
            return Finding(
                name, .warning, "\(message), the last because it \(Self.reason(replies[2]))",
                advice: "see to the receiver; LRANGE and DEL \(keys.webhookDead(webhook.name)) show and clear them")
        }
        if webhook.secret == nil {
            return Finding(
                name, .warning, "\(message), unsigned",
                advice: "set a secret, so that the receiver can tell who sends: webhooks.\(webhook.name).secret")
        }
        return Finding(name, .ok, message)
    }

    private static func reason(_ reply: RedisValue) -> String {
        do {
            return try JSONDecoder().decode(DeadLetter.self, from: Data((reply.string ?? "").utf8)).error
        } catch {
            return "can't be read"
        }
    }

    /// Groups of webhooks that are no longer configured: were they configured again, they would be told of all that
    /// happened in between.
    private func leftGroups() async throws -> [Finding] {
        let known = Set(configuration.webhooks.map { WebhookReader.group(of: $0.name) })
        var left: [String] = []
        for stream in Webhook.Subject.Stream.allCases.map({ $0.key(store.keys) }) {
            // A stream that isn't there is answered with an error, and so is a user without the right to ask.
            let groups = try await store.redis.pipeline([RedisCommand("XINFO", ["GROUPS", stream])])[0]
            for group in groups.elements {
                let name = group.pairs.first { $0.0 == "name" }?.1 ?? ""
                guard name.hasPrefix(WebhookReader.group(of: "")), !known.contains(name) else { continue }
                left.append("XGROUP DESTROY \(stream) \(name)")
            }
        }
        guard !left.isEmpty else { return [] }
        return [
            Finding(
                "webhooks", .warning, "\(left.count) consumer groups are of webhooks that aren't configured",
                advice: left.joined(separator: "; "))
        ]
    }
}
