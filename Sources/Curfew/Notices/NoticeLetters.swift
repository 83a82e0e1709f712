internal import Policies
internal import RedisClient

/// A message for the queue.
struct OutgoingNotice: Sendable, Equatable {
    /// The id: that of its notice or, with several, of the first and the last, and their number.
    var id: String
    /// The content.
    var body: String
    /// The address that a mail goes to.
    var to: String?
    /// When it happened: the id of its first entry.
    var entry: String
    /// The entries that are done with when it is on the queue.
    var acknowledged: [String] = []
}

/// Makes messages of notices: changes are sent together, everything else by itself.
struct NoticeLetters: Sendable {
    /// The most changes in one message.
    static let mostChanges = 100
    /// About the most bytes of values in one message.
    static let mostBytes = 256 << 10

    let receiver: NoticeReceiver

    /// The messages, in the order of the notices.
    ///
    /// The last message with an entry acknowledges it.
    func messages(of notices: [Notice]) throws -> [OutgoingNotice] {
        var entries: [[String]] = []
        var messages: [OutgoingNotice] = []
        for batch in batches(of: notices) {
            for (message, told) in try self.messages(ofOne: batch) {
                messages.append(message)
                entries.append(told)
            }
        }
        var done: Set<String> = []
        for number in messages.indices.reversed() {
            messages[number].acknowledged = entries[number].filter { done.insert($0).inserted }
        }
        return messages
    }

    private func batches(of notices: [Notice]) -> [[Notice]] {
        var batches: [[Notice]] = []
        var size = 0
        for notice in notices {
            size += notice.size
            if let last = batches.last, notice.subject == .change, last[0].subject == .change, joinsChanges,
                last.count < Self.mostChanges, size <= Self.mostBytes
            {
                batches[batches.count - 1].append(notice)
            } else {
                batches.append([notice])
                size = notice.size
            }
        }
        return batches
    }

    /// Whether several changes fit into one message.
    private var joinsChanges: Bool {
        switch receiver {
        case .webhook(let webhook):
            switch webhook.format {
            case .curfew, .slack, .discord, .alertmanager: true
            case .pagerDuty: false
            case .template(let template): !template.isJSON
            }
        case .mail: true
        }
    }

    private func messages(ofOne batch: [Notice]) throws -> [(message: OutgoingNotice, entries: [String])] {
        switch receiver {
        case .webhook(let webhook):
            let body = try WebhookPayload(notices: batch, webhook: webhook).text()
            let message = OutgoingNotice(id: Self.id(of: batch), body: body, entry: batch[0].entry)
            return [(message, batch.map(\.entry))]
        case .mail(let mail):
            return mail.letters(of: batch).map { letter in
                let id = Self.id(of: letter.notices)
                let text = mail.message(letter.notices, to: letter.recipient, id: id)
                let message = OutgoingNotice(
                    id: "\(id)/\(letter.recipient)", body: text, to: letter.recipient, entry: letter.notices[0].entry)
                return (message, letter.notices.map(\.entry))
            }
        }
    }

    /// The id of a message with these notices.
    static func id(of batch: [Notice]) -> String {
        guard let last = batch.last, batch.count > 1 else { return batch[0].id }
        return "\(batch[0].id)..\(last.entry):\(batch.count)"
    }
}
