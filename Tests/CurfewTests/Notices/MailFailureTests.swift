import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("mail servers that fail", .tags(.ownServer), .timeLimit(.minutes(5)))
struct MailFailureTests {
    /// A fault of a server, and what is said about it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let error: String
        var login: String?
        var ways = ""
        var user = ""
        let answer: @Sendable (Int, String) -> MailReceiver.Answer

        init(
            _ name: String, _ error: String, login: String? = nil, ways: String = "", user: String = "",
            answer: @escaping @Sendable (Int, String) -> MailReceiver.Answer = { _, _ in .usual }
        ) {
            (self.name, self.error, self.login, self.ways, self.user) = (name, error, login, ways, user)
            self.answer = answer
        }

        var testDescription: String { name }
    }

    private static let faults = [
        Fault("refuses connections", "the server answered 421 too busy to the connection") { _, line in
            line.isEmpty ? .reply("421 too busy") : .usual
        },
        Fault("refuses the sender", "the server answered 550 not from you to MAIL FROM") { _, line in
            line.hasPrefix("MAIL") ? .reply("550 not from you") : .usual
        },
        Fault("refuses the recipient", "the server answered 451 try later to RCPT TO:<ops@shop.example>") { _, line in
            line.hasPrefix("RCPT") ? .reply("451-try\r\n451 later") : .usual
        },
        Fault("refuses the mail", "the server answered 554 spam to the mail") { _, line in
            line == "." ? .reply("554 spam") : .usual
        },
        Fault("says nothing", "no answer within 500ms") { _, line in line.isEmpty ? .silence : .usual },
        Fault("says nothing to the mail", "no answer within 500ms") { _, line in line == "." ? .silence : .usual },
        Fault("hangs up", "the server closed the connection") { _, line in
            line.hasPrefix("MAIL") ? .hangUp : .usual
        },
        Fault("isn't one", "the server doesn't speak SMTP: it sent “HTTP/1.1 400 Bad Request”") { _, line in
            line.isEmpty ? .reply("HTTP/1.1 400 Bad Request") : .usual
        },
        Fault(
            "wants a login", "the server wants a login: it answered 530 5.7.0 Authentication required to MAIL FROM",
            login: "ada:pw", ways: "PLAIN"),
        Fault(
            "wants another password", "the login was refused: the server answered 535 5.7.8 wrong password",
            login: "ada:pw", ways: "LOGIN", user: "ada:other@"),
        Fault(
            "knows other logins", "the server offers no login that Curfew knows: GSSAPI, expected PLAIN or LOGIN",
            login: "ada:pw", ways: "GSSAPI", user: "ada:pw@"),
    ]

    @Test("each fault is tried to the last and then a dead letter; the doctor names it", arguments: faults)
    func deadLetter(fault: Fault) async throws {
        var setting = MailReceiver.Setting()
        (setting.login, setting.ways, setting.answer) = (fault.login, fault.ways, fault.answer)
        try await withMail(setting) { mail in
            let url = "smtp://\(fault.user)127.0.0.1:\(mail.receiver.port)"
            // A busy machine may take long for an answer that comes.
            let timeout = fault.error == "no answer within 500ms" ? "500ms" : "30s"
            let engine = try mail.engine("one", smtp: url, more: ", tries: 3, timeout: \(timeout)")
            try await mail.scene.withSenders([engine]) {
                try await mail.alert()
                try await eventually("a dead letter") { try await !mail.deadLetters().isEmpty }
                try await mail.isThrough()
            }
            let letter = try #require(try await mail.deadLetters().first)
            #expect(letter.error.readable == fault.error)
            #expect(letter.tries == 3 && letter.to == "ops@shop.example")
            #expect(letter.body.contains("\nTo: ops@shop.example\n"))
            #expect(mail.receiver.mails.isEmpty)
            let finding = try #require(try await Doctor(engine: engine).notices().first)
            #expect(finding.check == "mail" && finding.state == .warning)
            #expect(finding.message.hasPrefix("127.0.0.1:\(mail.receiver.port): 0 waiting, 1 failed"))
            let isSaid = finding.message.contains("now it can't be used: ") || finding.message.hasSuffix(letter.error)
            #expect(isSaid, "\(finding.message)")
        }
    }

    @Test("a mail that was refused is sent again, with the same id")
    func retried() async throws {
        var setting = MailReceiver.Setting()
        let refused = Counter()
        setting.answer = { _, line in line == "." && refused.next() < 3 ? .reply("451 later") : .usual }
        try await withMail(setting) { mail in
            let engine = try mail.engine("one")
            try await mail.scene.withSenders([engine]) {
                try await mail.alert()
                try await eventually("a mail") { mail.receiver.mails.count == 1 }
                try await mail.isThrough()
            }
            #expect(mail.receiver.lines.filter { $0.hasPrefix("DATA") }.count == 3)
            #expect(try await mail.deadLetters().isEmpty)
            #expect(try await Doctor(engine: engine).notices().map(\.state) == [.ok])
        }
    }

    @Test("nobody is at the port: the mail waits, and the doctor says so")
    func down() async throws {
        try await withMail { mail in
            let engine = try mail.engine("one", smtp: "smtp://127.0.0.1:\(try freePort())")
            try await mail.scene.withSenders([engine]) {
                try await mail.alert()
                try await eventually("a failed attempt") {
                    let letters = try await mail.scene.send("HVALS", mail.keys.mailLetters)
                    return letters[0].string?.contains("connection refused") == true
                }
                let finding = try #require(try await Doctor(engine: engine).notices().first)
                #expect(
                    finding.state == .warning && finding.message.contains("1 waiting, 0 failed; now it can't be used"))
                #expect(finding.message.hasSuffix("connection refused"))
            }
        }
    }

    @Test("a password is not sent unencrypted to another machine, and a server without STARTTLS is an error")
    func unencrypted() async throws {
        var setting = MailReceiver.Setting()
        (setting.ways, setting.login) = ("PLAIN", "ada:pw")
        try await withMail(setting) { mail in
            let url = "smtp://ada:pw@127.0.0.1:\(mail.receiver.port)?starttls=required"
            try await mail.scene.withSenders([try mail.engine("one", smtp: url, more: ", tries: 1")]) {
                try await mail.alert()
                try await eventually("a dead letter") { try await !mail.deadLetters().isEmpty }
            }
            let error = try #require(try await mail.deadLetters().first?.error)
            #expect(error.hasPrefix("the server doesn't offer STARTTLS"))
            #expect(!mail.receiver.lines.contains { $0.hasPrefix("AUTH") })
            #expect(MailServer("smtp://a:b@mail.example")?.encryption == .required)
        }
    }
}
