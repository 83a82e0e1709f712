import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

@Suite("the configuration of formats and mail", .tags(.pure))
struct NoticeConfigurationTests {
    private static func parse(_ section: String) throws(ConfigurationError) -> Configuration {
        let text = """
            redis: redis://127.0.0.1
            \(section)
            cleanups:
              jobs: {policy: locks, every: 1h, records: "l:<id>", timeout: 1m}
            """
        return try Configuration.parse(text, file: "c.yaml", environment: ["PW": "p@:/w"])
    }

    private static func problems(_ section: String) -> [String] {
        do {
            _ = try parse(section)
            return []
        } catch {
            return error.problems.map { "\($0)" }
        }
    }

    @Test(
        "every format is read; a template alone means itself",
        arguments: [
            ("on: alert", "curfew"), ("on: alert, format: curfew", "curfew"), ("on: alert, format: slack", "slack"),
            ("on: alert, format: discord", "discord"), ("on: alert, format: pagerduty, secret: k", "pagerduty"),
            ("on: alert, format: alertmanager", "alertmanager"), ("on: alert, template: \"<alert>\"", "template"),
            ("on: change, format: template, template: \"{\\\"a\\\": <tokens>}\"", "template"),
        ])
    func formats(section: String, format: String) throws {
        let hook = try #require(try Self.parse("webhooks: {ops: {url: http://ops/, \(section)}}").webhooks.first)
        #expect(hook.format.name == format)
        #expect(hook.address.revealed == (format == "alertmanager" ? "http://ops/api/v2/alerts" : "http://ops/"))
        let own = try Self.parse("webhooks: {ops: {url: http://ops/x?k=v, on: alert, format: alertmanager}}")
        #expect(own.webhooks[0].address.revealed == "http://ops/x?k=v")
    }

    @Test(
        "what can't be meant of a webhook is said, with its line",
        arguments: [
            (
                "format: slak",
                "format: unknown “slak”, did you mean “slack”? (expected one of curfew, slack, discord, pagerduty, "
                    + "alertmanager, template)"
            ),
            ("format: template", "template: missing, expected the text of a message, like “<cleanup>: <text>”"),
            ("format: slack, template: a", "template: needs format: template, found “slack”"),
            (
                "template: \"{'a': 1}\"",
                #"template: begins like JSON but isn't: expected JSON, with gaps in texts ("<cleanup>") or as values"#
            ),
            ("cleanups: [job]", "cleanups: unknown “job”, did you mean “jobs”? (expected one of jobs)"),
            (
                "min-severity: warnin",
                "min-severity: unknown “warnin”, did you mean “warning”? (expected one of info, warning, critical)"
            ),
        ])
    func problems(section: String, message: String) {
        let found = Self.problems("webhooks:\n  ops: {url: http://ops, on: alert, \(section)}")
        #expect(found == ["c.yaml:3: webhooks.ops.\(message)"])
    }

    @Test(
        "a template can name what its subjects have, and nothing else",
        arguments: [
            ("alert", "<alert> <state> <value> <text> <at>", true), ("alert", "<record>", false),
            ("change", "<record> <reason> <before>", true), ("change", "<message>", false),
            ("run-failed", "<run> <error>", true), ("[run-lost, warning]", "<error> <record> <alert>", false),
            ("alert", "<mesage>", false), ("alert", "a < b > c <https://x|y> <<record> <é>", true),
        ])
    func fields(subjects: String, template: String, isRight: Bool) {
        let found = Self.problems(
            "webhooks:\n  ops:\n    url: http://ops\n    on: \(subjects)\n    template: \"\(template)\"")
        #expect(found.isEmpty == isRight, "\(found)")
        #expect(found.allSatisfy { $0.hasPrefix("c.yaml:6: webhooks.ops.template: unknown field “") })
    }

    private static let mail = "smtp: smtp://mail, from: a@b.example, to: c@d.example, on: alert"

    @Test("everything that mail may say is read, and what it doesn't say has a default")
    func mail() throws {
        let whole = try Self.parse(
            """
            mail: {smtp: "smtps://ada:${PW}@[::1]:4650?verify=ca", from: "Curfew <a@b.example>",
              to: [ops@shop.example, "<reason>"], on: [change, alert], timeout: 3s, tries: 2, subject: "<text>"}
            """)
        let mail = try #require(whole.mail)
        #expect(mail.server.host == "::1" && mail.server.port == 4650 && mail.server.encryption == .always)
        #expect(mail.server.credentials == .init(user: "ada", password: Secret("p@:/w")))
        #expect(mail.server.verification == .ca && "\(mail.server)" == "[::1]:4650")
        #expect(mail.from.name == "Curfew" && mail.from.address == "a@b.example")
        #expect(mail.recipients.count == 2 && mail.recipients[1] == .field("reason"))
        #expect(mail.subjects == [.alert, .change] && mail.timeout == .seconds(3) && mail.tries == 2)
        var shown = "\(whole) \(String(reflecting: whole))"
        dump(whole, to: &shown)
        #expect(!shown.contains("p@:/w"))
        let short = try #require(try Self.parse("mail: {\(Self.mail)}").mail)
        #expect(short.server.port == 587 && short.server.encryption == .offered && short.tries == 15)
        #expect(try Self.parse("mail: {\(Self.mail)}").receivers.map(\.label) == ["mail"])
    }

    @Test(
        "a record's field is written to only if a cleanup copies it into its events",
        arguments: [("<email>", false), ("<owner>", true), ("<>", false), ("<a@b.example>", true)])
    func carried(recipient: String, isRight: Bool) throws {
        let text = "cleanups: {a: {carry: [owner, name]}}"
        let problems = ProblemList(file: "c")
        let reader = YAMLReader(problems: problems, environment: [:])
        let root = try #require(reader.read(text))
        let list = try #require(Section(root, path: "", line: 1, problems)?.section("cleanups"))
        let mail = "smtp: smtp://mail\nfrom: a@b.example\nto: [\"\(recipient)\"]\non: warning"
        let node = try #require(reader.read(mail))
        let section = try #require(Section(node, path: "mail", line: 1, problems))
        #expect((Mail(section, NoticeScope(list)) != nil) == isRight)
        #expect(problems.isEmpty == isRight)
    }

    @Test(
        "what can't be meant of mail is said, and its address is not quoted",
        arguments: [
            ("smtp: smtp://mail", "smtp: http://s3cr3t@mail", "smtp: expected an address like smtps://"),
            ("smtp: smtp://mail", "smtp: \"smtp://u:s3cr3t@mail?tls=x\"", "smtp: expected an address like smtps://"),
            ("smtp: smtp://mail", "smtp: smtp://mail:99999", "smtp: expected an address like smtps://"),
            ("from: a@b.example", "from: nobody", "from: expected an address like ops@shop.example, found “nobody”"),
            (
                "to: c@d.example", "to: [\"a@b c\"]",
                "to: expected an address like ops@shop.example, or a field like <email>"
            ),
            ("to: c@d.example", "to: \"<email>\"", "to: “<email>” is a field that no event has"),
            ("to: c@d.example", "to: \"a@b.example, e@f.example\"", "to: expected an address like"),
            ("on: alert", "on: alerts", "on: unknown “alerts”, did you mean “alert”?"),
            ("on: alert", "on: alert, subject: \"<x>\"", "subject: unknown field “x”"),
            ("on: alert", "on: alert, url: x", "url: unknown key"),
            (", to: c@d.example", "", "to: missing, expected a text or a list of texts"),
        ])
    func mailProblems(old: String, new: String, message: String) {
        let found = Self.problems("mail: {\(Self.mail.replacing(old, with: new))}")
        #expect(found.count == 1 && found[0].hasPrefix("c.yaml:2: mail.\(message)"), "\(found)")
        #expect(!found.contains { $0.contains("s3cr3t") })
    }

    @Test("a template that is nearly JSON, and PagerDuty without its key, are named")
    func nearly() {
        #expect(
            Self.problems("webhooks: {ops: {url: \"https://a\", on: alert, template: '{\"a\": \"<text>\", }'}}").first?
                .contains("webhooks.ops.template: begins like JSON but isn't") == true)
        #expect(
            Self.problems("webhooks: {ops: {url: \"https://a\", on: alert, format: pagerduty}}").first?
                .contains("webhooks.ops.secret: missing") == true)
    }

    @Test("the fields that templates know are those of the streams")
    func known() {
        #expect(NoticeTemplate.eventFields == Event.Field.allCases.map(\.rawValue))
    }
}
