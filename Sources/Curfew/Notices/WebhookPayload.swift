internal import Crypto
internal import Foundation
internal import Policies
internal import RedisClient

/// The body of a request: one notice, or several changes, in the format of the webhook.
///
/// It is encoded once: every attempt sends the same bytes with the same id.
struct WebhookPayload {
    let notices: [Notice]
    let webhook: Webhook

    /// The text, decoded: invalid UTF-8 becomes U+FFFD.
    func text() throws -> String {
        switch webhook.format {
        case .curfew: try curfew()
        case .slack: try Self.json(["text": ChatText(notices).slack])
        case .discord:
            try Self.json(Discord(content: ChatText(notices).discord))
        case .pagerDuty: try Self.json(PagerDutyEvent(notices[0], key: webhook.secret?.revealed ?? ""))
        case .alertmanager: try Self.json(notices.map(AlertmanagerAlert.init))
        case .template(let template):
            notices.map { notice in template.text { notice.value(of: $0, to: webhook.name) } }.joined(separator: "\n")
        }
    }

    private func curfew() throws -> String {
        let first = notices[0]
        guard first.subject == .change else {
            return try Self.json(
                Message(
                    id: first.id, type: first.subject.rawValue, atMs: first.atMs, webhook: webhook.name,
                    data: first.data))
        }
        let changes = notices.map { notice in notice.data.merging(["id": notice.entry]) { _, id in id } }
        return try Self.json(
            Message(
                id: NoticeLetters.id(of: notices), type: first.subject.rawValue, atMs: first.atMs,
                webhook: webhook.name, data: changes))
    }

    /// JSON with sorted keys; held text is decoded.
    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: ByteText.readable(try encoder.encode(value)), as: UTF8.self)
    }

    private struct Message<Data: Encodable>: Encodable {
        let id: String, type: String, atMs: Int64, webhook: String, data: Data

        private enum CodingKeys: String, CodingKey {
            case id, type, atMs = "at_ms", webhook, data
        }
    }

    private struct Discord: Encodable {
        struct Mentions: Encodable {
            let parse: [String] = []
        }

        let content: String
        /// Whatever a record contains, nobody is notified by it.
        let mentions = Mentions()

        private enum CodingKeys: String, CodingKey {
            case content, mentions = "allowed_mentions"
        }
    }
}

extension WebhookPayload {
    /// The type of the body.
    static func contentType(of format: Webhook.Format) -> String {
        if case .template(let template) = format, !template.isJSON { return "text/plain; charset=utf-8" }
        return "application/json"
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
