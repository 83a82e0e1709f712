internal import Policies
internal import RedisClient

extension Mail {
    /// What one recipient is told.
    struct Letter {
        let recipient: String
        let notices: [Notice]
    }

    /// Who gets which of these notices; each recipient is named once for each notice.
    ///
    /// A record without the field of a recipient, like an alert or a run, isn't for that recipient.
    func letters(of notices: [Notice]) -> [Letter] {
        var order: [String] = []
        var told: [String: [Notice]] = [:]
        for notice in notices {
            var names: Set<String> = []
            for recipient in recipients {
                let name: String
                switch recipient {
                case .address(let address): name = address.address
                case .field(let field): name = notice.carried(field) ?? ""
                }
                guard !name.isEmpty, names.insert(name).inserted else { continue }
                if told[name] == nil { order.append(name) }
                told[name, default: []].append(notice)
            }
        }
        return order.map { Letter(recipient: $0, notices: told[$0] ?? []) }
    }

    /// A whole mail, with line feeds as line ends.
    func message(_ notices: [Notice], to recipient: String, id: String) -> String {
        let first = notices[0]
        let subject: String
        if let template = self.subject, notices.count == 1 {
            subject = template.text { first.value(of: $0, to: "mail") }
        } else {
            subject = "[curfew] " + (notices.count == 1 ? "\(first.title): \(first.line)" : "\(notices.count) changes")
        }
        let text = notices.map { notice in
            template?.text { notice.value(of: $0, to: "mail") } ?? (notices.count == 1 ? notice.letter : notice.line)
        }.joined(separator: "\n")
        return MailMessage(
            from: from, to: recipient, subject: subject, text: text, id: id, time: first.time
        ).text
    }
}

extension Notice {
    /// The text of a mail: what happened, and every field.
    fileprivate var letter: String {
        let fields = data.keys.sorted().filter { name in !["before", "message"].contains(name) }
            .map { "\($0.readable): \(ChatText.plain(text($0)))" }
        return ([line, "", "at: \(time.iso8601)"] + fields).joined(separator: "\n")
    }
}
