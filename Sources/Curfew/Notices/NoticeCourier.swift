internal import Policies
internal import RedisClient

/// The result of one attempt to deliver.
enum DeliveryOutcome: Equatable, Sendable {
    /// Delivered.
    case accepted
    /// Not delivered, and never will be.
    case lost(String)
    /// Not delivered this time.
    case failed(String)
}

/// Makes attempts to deliver to one receiver.
struct NoticeCourier: Sendable {
    let receiver: NoticeReceiver
    let caller: WebCaller

    /// How many attempts may run at the same time; a mail server may count connections.
    static func mostAttempts(to receiver: NoticeReceiver) -> Int {
        if case .mail = receiver { return 1 }
        return isOrdered(receiver) ? 1 : 4
    }

    /// Whether the order of messages matters, because one ends what another began.
    static func isOrdered(_ receiver: NoticeReceiver) -> Bool {
        guard case .webhook(let webhook) = receiver else { return false }
        return webhook.format == .pagerDuty || webhook.format == .alertmanager
    }

    /// Delivers a message.
    ///
    /// - Parameter now: the server's time.
    func deliver(_ letter: NoticeQueue.Letter, id: String, now: Timestamp) async -> DeliveryOutcome {
        switch receiver {
        case .webhook(let webhook): await post(letter, id: id, now: now, to: webhook)
        case .mail(let mail): await send(letter, by: mail)
        }
    }

    private func post(
        _ letter: NoticeQueue.Letter, id: String, now: Timestamp, to webhook: Webhook
    ) async -> DeliveryOutcome {
        let seconds = now.milliseconds / 1000
        // The signed and sent bytes are exactly those that were encoded.
        let body = letter.body.readable
        var headers = [("curfew-id", id), ("curfew-timestamp", String(seconds))]
        if let secret = webhook.secret {
            headers.append(("curfew-signature", WebhookPayload.signature(of: body, at: seconds, secret: secret)))
        }
        let outcome = await caller.post(
            body, type: WebhookPayload.contentType(of: webhook.format), headers: headers, to: webhook.address,
            timeout: webhook.timeout)
        switch outcome {
        case .accepted: return .accepted
        case .gone: return .lost("answered 410: the address is gone for good")
        case .failed(let why): return .failed(why)
        }
    }

    private func send(_ letter: NoticeQueue.Letter, by mail: Mail) async -> DeliveryOutcome {
        let recipient = letter.to?.readable ?? ""
        guard let address = MailAddress(recipient) else {
            return .lost(
                "“\(ChatText.plain(recipient).prefix(80))” can't be written to: expected \(MailAddress.expected)")
        }
        let client = SMTPClient(server: mail.server, timeout: mail.timeout)
        do {
            try await client.send(letter.body.readable, from: mail.from.address, to: address.address)
            return .accepted
        } catch {
            return .failed(client.reason(error))
        }
    }
}
