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
    /// What it continues, where the order matters.
    var thread: Thread?

    /// A series of messages: the beginnings and ends of one alert.
    struct Thread: Codable, Sendable, Equatable {
        /// The alert and its cleanup.
        var name: String
        /// The place of the message: when its entry was written, and the number of the entry in that millisecond.
        var order: Order
        /// Whether it ends what earlier ones began.
        var isEnd: Bool

        /// Two numbers that are compared one after the other.
        struct Order: Codable, Sendable, Equatable, Comparable {
            var atMs: Int64
            var number: Int64

            static func < (earlier: Order, later: Order) -> Bool {
                (earlier.atMs, earlier.number) < (later.atMs, later.number)
            }
        }
    }
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
            var message = OutgoingNotice(id: Self.id(of: batch), body: body, entry: batch[0].entry)
            if NoticeCourier.isOrdered(receiver), batch[0].subject == .alert { message.thread = batch[0].thread }
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

extension Notice {
    /// What the beginning and the end of an alert have in common.
    fileprivate var thread: OutgoingNotice.Thread {
        let number = entry.drop { $0 != "-" }.dropFirst()
        return OutgoingNotice.Thread(
            name: "\(text("alert")):\(text("cleanup"))", order: .init(atMs: atMs, number: Int64(number) ?? 0),
            isEnd: isResolved)
    }
}
