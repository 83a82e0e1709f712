import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("mail", .tags(.ownServer), .timeLimit(.minutes(5)))
struct MailDeliveryTests {
    @Test("an alert is one mail to each address, with what happened in the subject and every field in the text")
    func once() async throws {
        try await withMail { mail in
            try await mail.scene.withSenders([
                try mail.engine("one", to: "ops@shop.example, \"Ada <ada@shop.example>\"")
            ]) {
                try await mail.alert("many", message: "jobs: found 12 is above 10")
                try await eventually("two mails") { mail.receiver.mails.count == 2 }
                try await mail.isThrough()
            }
            let entry = try #require(try await mail.scene.stream(mail.keys.alerts).first)
            #expect(
                mail.receiver.mails.map { $0.recipients.joined(separator: ",") }.sorted()
                    == ["ada@shop.example", "ops@shop.example"])
            let first = try #require(mail.receiver.mails.first { $0.recipients == ["ops@shop.example"] })
            #expect(first.from == "curfew@shop.example")
            #expect(first.header("From") == "\"Curfew\" <curfew@shop.example>")
            #expect(first.header("To") == "ops@shop.example")
            #expect(first.header("Subject") == "[curfew] Firing: many (warning): jobs: found 12 is above 10")
            #expect(first.header("Message-ID") == "<curfew.alerts.\(entry.id)@shop.example>")
            #expect(first.header("Auto-Submitted") == "auto-generated")
            let date = try #require(first.header("Date"))
            #expect(date.wholeMatch(of: /\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000/) != nil, "\(date)")
            #expect(first.text.hasPrefix("jobs: found 12 is above 10\r\n\r\nat: "))
            #expect(first.text.contains("\r\nalert: many\r\n") && first.text.contains("\r\nstate: firing\r\n"))
        }
    }

    @Test(
        "a login is made by PLAIN or LOGIN, encrypted from the start or after STARTTLS", arguments: ["smtp", "smtps"],
        ["PLAIN LOGIN", "LOGIN"])
    func login(scheme: String, ways: String) async throws {
        try await Certificates.withCertificates { certificates in
            var setting = MailReceiver.Setting()
            (setting.certificates, setting.isEncrypted) = (certificates, scheme == "smtps")
            (setting.ways, setting.login) = (ways, "ada@shop:p:w %")
            try await withMail(setting) { mail in
                let port = mail.receiver.port
                let url = "\(scheme)://ada%40shop:p%3Aw%20%25@localhost:\(port)?ca=\(certificates.folder)/ca.crt"
                try await mail.scene.withSenders([try mail.engine("one", smtp: url)]) {
                    try await mail.alert()
                    try await eventually("a mail") { mail.receiver.mails.count == 1 }
                    try await mail.isThrough()
                }
                #expect(mail.receiver.mails[0].isEncrypted && mail.receiver.mails[0].login == "ada@shop:p:w %")
            }
        }
    }

    @Test("a server with a certificate of nobody's gets neither login nor mail")
    func stranger() async throws {
        try await Certificates.withCertificates { certificates in
            var setting = MailReceiver.Setting()
            (setting.certificates, setting.ways, setting.login) = (certificates, "PLAIN", "ada:pw")
            try await withMail(setting) { mail in
                let url = "smtp://ada:pw@localhost:\(mail.receiver.port)?ca=\(certificates.folder)/stranger.crt"
                try await mail.scene.withSenders([try mail.engine("one", smtp: url, more: ", tries: 1")]) {
                    try await mail.alert()
                    try await eventually("a dead letter") { try await !mail.deadLetters().isEmpty }
                }
                let error = try #require(try await mail.deadLetters().first?.error)
                #expect(
                    error
                        == "TLS: the server's certificate is not signed by an authority in \(certificates.folder)/stranger.crt"
                )
                #expect(!mail.receiver.lines.contains { $0.hasPrefix("AUTH") })
            }
        }
    }

    @Test("a warning goes to the owner that the event names, once, and to nobody if it names none")
    func owner() async throws {
        try await withMail { mail in
            let owner = [Mail.Recipient.field("email"), .field("contact")]
            let engine = try mail.engine("one", on: "[warning, alert]", recipients: owner)
            try await mail.scene.withSenders([engine]) {
                let event = ["XADD", mail.keys.events, "*", "cleanup", "paused", "action", "warn", "record"]
                for (record, more) in [
                    ("1", ["email", "eve@home.example"]), ("2", []),
                    ("3", ["carry", #"{"contact":"bob@home.example"}"#]),
                ] {
                    try await mail.scene.redis.send(
                        RedisCommand(event[0], Array(event.dropFirst()) + [record, "reason", "paused 8d"] + more))
                }
                try await mail.alert()
                try await eventually("six mails") { mail.receiver.mails.count == 6 }
                try await mail.isThrough()
            }
            let recipients = mail.receiver.mails.flatMap(\.recipients)
            #expect(recipients.filter { $0 == "ops@shop.example" }.count == 4)
            #expect(
                recipients.filter { $0.hasSuffix("@home.example") }.sorted() == [
                    "bob@home.example", "eve@home.example",
                ])
            let eve = try #require(mail.receiver.mails.first { $0.recipients == ["eve@home.example"] })
            #expect(eve.header("Subject") == "[curfew] Warning: paused: the owner of 1 is warned: paused 8d")
            #expect(eve.header("To") == "eve@home.example")
        }
    }

    @Test("whatever a record contains, a mail keeps its header and its recipients")
    func hostile() async throws {
        try await withMail { mail in
            let evil =
                "a\r\nBcc: all@shop.example\r\n\r\n.\r\nMAIL FROM:<x@y> é 🎉 " + String(repeating: "x", count: 3_000)
            let engine = try mail.engine("one", on: "[warning, alert]", recipients: [.field("email")])
            try await mail.scene.withSenders([engine]) {
                try await mail.alert("many", message: evil)
                try await mail.scene.send(
                    "XADD", mail.keys.events, "*", "action", "warn", "record", "7", "email", "a@b> RCPT TO:<c@d")
                try await eventually("two mails and a dead letter") {
                    guard mail.receiver.mails.count == 2 else { return false }
                    return try await mail.deadLetters().count == 1
                }
                try await mail.isThrough()
            }
            let first = try #require(mail.receiver.mails.first)
            #expect(first.header("Bcc") == nil && first.recipients == ["ops@shop.example"])
            #expect(first.header("Content-Transfer-Encoding") == "quoted-printable")
            #expect(first.content.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
            #expect(first.text.contains("=C3=A9 =F0=9F=8E=89"))
            #expect(first.text.contains("\r\n.\r\n"))
            let dead = try #require(try await mail.deadLetters().first)
            #expect(dead.tries == 1 && dead.to == "a@b> RCPT TO:<c@d")
            #expect(
                dead.error.readable
                    == "“a@b> RCPT TO:<c@d” can't be written to: expected an address like ops@shop.example")
        }
    }

    @Test("the file's own subject and text are filled with the fields")
    func templates() async throws {
        try await withMail { mail in
            let more = ", subject: \"<severity>: <alert>\", template: \"<message> (<state>) <<b> <x y>\""
            try await mail.scene.withSenders([try mail.engine("one", more: more)]) {
                try await mail.alert("größer", message: "12 > 10")
                try await eventually("a mail") { mail.receiver.mails.count == 1 }
                try await mail.isThrough()
            }
            let first = try #require(mail.receiver.mails.first)
            #expect(first.header("Subject") == "=?utf-8?B?\(Data("warning: größer".utf8).base64EncodedString())?=")
            #expect(first.text == "12 > 10 (firing) <b> <x y>\r\n")
        }
    }
}
