internal import Crypto
internal import Foundation
internal import Policies
internal import RedisClient

/// The payload for one stream entry.
///
/// It is encoded once: every attempt sends the same bytes with the same id.
struct WebhookPayload: Encodable {
    /// The most bytes of one value: a before-image can be as large as a record.
    static let mostValueBytes = 16 << 10

    /// The id, the same for every attempt and receiver: `curfew:alerts:1700000000000-0`.
    let id: String
    /// The subject.
    let type: String
    /// When it happened, in Unix milliseconds on the clock of Redis.
    let atMs: Int64
    /// The webhook.
    let webhook: String
    /// The entry's fields.
    let data: [String: String]

    private enum CodingKeys: String, CodingKey {
        case id, type, atMs = "at_ms", webhook, data
    }

    /// The payload of an entry; the stream is named without braces: `curfew:alerts`.
    init(_ entry: StreamEntry, of stream: String, subject: Webhook.Subject, to webhook: Webhook) {
        id = "\(stream):\(entry.id)"
        type = subject.rawValue
        atMs = Int64(entry.id.prefix { $0 != "-" }) ?? 0
        self.webhook = webhook.name
        data = Dictionary(entry.fields.map { ($0.name, Self.cut($0.value)) }) { first, _ in first }
    }

    /// JSON with sorted keys, decoded: invalid UTF-8 becomes U+FFFD.
    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: ByteText.readable(try encoder.encode(self)), as: UTF8.self)
    }

    private static func cut(_ value: String) -> String {
        value.shortened(to: mostValueBytes)
    }

    /// The signature of a body that is sent at that time: `v1=<hexadecimal HMAC-SHA256>`.
    ///
    /// The time is signed as well, so that a recorded message can't be replayed later.
    static func signature(of body: String, at seconds: Int64, secret: Secret) -> String {
        let key = SymmetricKey(data: Array(secret.revealed.utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Array("\(seconds).\(body)".utf8), using: key)
        let digits = Array("0123456789abcdef")
        return "v1=" + code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }
    }
}

extension Webhook.Subject {
    /// The streams with subjects of webhooks, by the last word of their keys.
    enum Stream: String, CaseIterable {
        case alerts, events, runs

        /// The key.
        func key(_ keys: Keys) -> String {
            switch self {
            case .alerts: keys.alerts
            case .events: keys.events
            case .runs: keys.runs
            }
        }
    }

    /// The stream of the subject.
    var stream: Stream {
        switch self {
        case .alert: .alerts
        case .warning: .events
        case .runFailed: .runs
        }
    }

    /// Whether an entry of its stream belongs to this subject.
    func includes(_ entry: StreamEntry) -> Bool {
        switch self {
        case .alert: [AlertState.firing, AlertState.resolved].contains(entry["state"])
        case .warning: Event(entry).action == Change.Action.warn.rawValue
        case .runFailed: ["failed", "refused", "lost", "timed_out"].contains(entry["status"])
        }
    }
}
