internal import Policies

extension Webhook {
    /// Each webhook has its own connection to Redis.
    private static let most = 16

    /// Reads the section of all webhooks.
    static func all(_ list: Section, _ scope: NoticeScope) -> [Webhook] {
        if list.entries.count > most {
            list.problems.add(
                line: list.line, path: list.path, "expected at most \(most) webhooks, found \(list.entries.count)")
        }
        return list.entries.prefix(most).compactMap { Webhook($0, in: list, scope) }
    }

    /// Reads a webhook; nil if it has a problem.
    private init?(_ entry: YAMLNode.Entry, in list: Section, _ scope: NoticeScope) {
        NameRule.check(entry, in: list)
        let path = list.path(of: entry.key)
        guard let section = Section(entry.value, path: path, line: entry.line, list.problems) else { return nil }
        section.expect(["url", "secret", "format", "template"] + NoticeTerms.keys)
        let address = section.address("url", isRequired: true)
        let secret = section.secret("secret").map(Secret.init)
        let terms = NoticeTerms(section, scope)
        let format = Self.format(section, terms?.subjects ?? Subject.allCases, scope)
        if format == .pagerDuty, secret == nil, !section.has("secret") {
            section.problem(
                "secret", "missing, expected the integration key of PagerDuty, which format: pagerduty needs")
        }
        guard let address, let terms, let format else { return nil }
        self.init(name: entry.key, address: address, secret: secret, terms: terms)
        self.format = format
        if format == .alertmanager { self.address = address.withDefaultPath("/api/v2/alerts") }
    }

    /// The format; a template alone means `format: template`.
    private static func format(_ section: Section, _ subjects: [Subject], _ scope: NoticeScope) -> Format? {
        let template = section.noticeTemplate("template", NoticeTemplate.fields(of: subjects, carried: scope.carried))
        guard let scalar = section.scalar("format", expected: "one of \(Format.names.joined(separator: ", "))") else {
            return section.has("template") ? template.map(Format.template) : .curfew
        }
        if section.has("template"), scalar.text != "template" {
            section.problem("template", "needs format: template, found “\(scalar.written)”")
        }
        switch scalar.text {
        case "curfew": return .curfew
        case "slack": return .slack
        case "discord": return .discord
        case "pagerduty": return .pagerDuty
        case "alertmanager": return .alertmanager
        case "template":
            if !section.has("template") {
                section.problem("template", "missing, expected the text of a message, like “<cleanup>: <text>”")
            }
            return template.map(Format.template)
        default:
            section.problem("format", section.unknown("“\(scalar.written)”", scalar.text, Format.names))
            return nil
        }
    }
}
