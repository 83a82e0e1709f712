internal import Policies
internal import RedisClient

extension Mail {
    /// How many recipients a file may name.
    private static let most = 100

    /// Reads the section; nil if it has a problem.
    init?(_ section: Section, _ scope: NoticeScope) {
        section.expect(["smtp", "from", "to", "subject", "template"] + NoticeTerms.keys)
        let server = Self.server(section)
        let from = section.value("from", isRequired: true, expected: MailAddress.expected) {
            MailAddress($0.readable)
        }
        let terms = NoticeTerms(section, scope)
        let subjects = terms?.subjects ?? Webhook.Subject.allCases
        let recipients = Self.recipients(section, subjects, scope)
        let fields = NoticeTemplate.fields(of: subjects, carried: scope.carried)
        let subject = section.noticeTemplate("subject", fields)
        let template = section.noticeTemplate("template", fields)
        guard let server, let from, let terms, let recipients else { return nil }
        self.init(
            server: server, from: from, recipients: recipients, subject: subject, template: template, terms: terms)
    }

    /// The server; an invalid address isn't quoted, since it may contain a secret.
    private static func server(_ section: Section) -> MailServer? {
        guard let scalar = section.scalar("smtp", isRequired: true, expected: MailServer.expected) else { return nil }
        if let server = MailServer(scalar.text) { return server }
        section.problem(
            "smtp",
            "expected \(MailServer.expected), with the options ca=FILE, verify=full|ca|none and, for smtp, "
                + "starttls=required|offered|none")
        return nil
    }

    private static func recipients(
        _ section: Section, _ subjects: [Webhook.Subject], _ scope: NoticeScope
    ) -> [Recipient]? {
        guard let texts = section.texts("to", isRequired: true) else { return nil }
        if texts.count > most {
            section.problem("to", "expected at most \(most) recipients, found \(texts.count)")
        }
        let found = texts.compactMap { text -> Recipient? in
            if let gap = text.wholeMatch(of: /<([^<>@]+)>/) {
                let name = String(gap.output.1)
                if scope.carried.contains(name) || NoticeTemplate.eventFields.contains(name) { return .field(name) }
                let known = scope.carried.isEmpty ? "" : ": \(scope.carried.joined(separator: ", "))"
                section.problem(
                    "to",
                    "\(section.quoted(text, of: "to")) is a field that no event has, expected one that a cleanup names "
                        + "under carry\(known)")
                return nil
            }
            if let address = MailAddress(text.readable) { return .address(address) }
            section.problem(
                "to",
                "expected \(MailAddress.expected), or a field like <email>, found \(section.quoted(text, of: "to"))")
            return nil
        }
        return found.count == texts.count ? found : nil
    }
}
