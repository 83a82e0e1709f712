internal import Foundation
internal import Policies

/// A mail as RFC 5322 says, with line feeds as line ends: they become CRLF when it is sent.
struct MailMessage {
    /// The longest line that is sent as it is; longer ones are encoded.
    private static let mostLine = 900
    /// The longest subject.
    private static let mostSubject = 200

    let from: MailAddress
    let to: String
    let subject: String
    let body: String
    let id: String
    let time: Timestamp

    /// Creates a mail; what a field contains can't add lines to the header.
    init(from: MailAddress, to: String, subject: String, text: String, id: String, time: Timestamp) {
        (self.from, self.id, self.time) = (from, id, time)
        self.to = ChatText.plain(to)
        let line = ChatText.plain(subject)
        self.subject = line.count > Self.mostSubject ? line.prefix(Self.mostSubject) + "…" : line
        body = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    }

    /// The whole mail.
    var text: String {
        let isPlain =
            body.utf8.allSatisfy { $0 < 127 && ($0 >= 32 || $0 == 10 || $0 == 9) }
            && body.split(separator: "\n").allSatisfy { $0.utf8.count <= Self.mostLine }
        let name = Self.word(from.name, isPhrase: true)
        let header = [
            "From: \(name.isEmpty ? from.address : "\(name) <\(from.address)>")",
            "To: \(to)",
            "Subject: \(Self.word(subject, isPhrase: false))",
            "Date: \(date)",
            "Message-ID: <\(identity)@\(from.domain)>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: \(isPlain ? "7bit" : "quoted-printable")",
        ]
        return header.joined(separator: "\n") + "\n\n" + (isPlain ? body : Self.quotedPrintable(body)) + "\n"
    }

    private var date: String {
        let zone = TimeForm.Zone.offset(minutes: 0, style: .compact)
        return TimeForm.rfc2822(.init(hasWeekday: true, dayDigits: 1, zone: zone)).text(for: time)
    }

    /// The id as a word for both sides of the `@`.
    private var identity: String {
        String(id.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "." })
            .split(separator: ".").joined(separator: ".")
    }

    /// A text for the header: RFC 2047 if it isn't ASCII, and a phrase in quotes.
    static func word(_ text: String, isPhrase: Bool) -> String {
        if text.utf8.allSatisfy({ $0 < 127 }), !text.contains("=?") {
            return isPhrase && !text.isEmpty ? "\"\(text.replacing("\\", with: ""))\"" : text
        }
        var pieces: [[UInt8]] = [[]]
        for character in text.unicodeScalars {
            let bytes = Array(String(character).utf8)
            if (pieces.last?.count ?? 0) + bytes.count > 39 { pieces.append([]) }
            pieces[pieces.count - 1] += bytes
        }
        return pieces.map { "=?utf-8?B?\(Data($0).base64EncodedString())?=" }.joined(separator: "\n ")
    }

    /// RFC 2045 §6.7: at most 76 characters in a line.
    static func quotedPrintable(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var (encoded, width) = ("", 0)
            let bytes = Array(line.utf8)
            for (place, byte) in bytes.enumerated() {
                let isLast = place == bytes.count - 1
                let isPlain =
                    (33...126).contains(byte) && byte != UInt8(ascii: "=")
                    || [9, 32].contains(byte) && !isLast
                let piece = isPlain ? String(Character(Unicode.Scalar(byte))) : Self.escape(byte)
                if width + piece.count > 75 {
                    encoded += "=\n"
                    width = 0
                }
                encoded += piece
                width += piece.count
            }
            return encoded
        }.joined(separator: "\n")
    }

    private static func escape(_ byte: UInt8) -> String {
        let digits = Array("0123456789ABCDEF")
        return "=\(digits[Int(byte >> 4)])\(digits[Int(byte & 0xF)])"
    }

    /// What is sent after `DATA`: CRLF line ends, and a period before each line that begins with one.
    static func transmission(of text: String) -> String {
        var sent = ""
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for line in lines { sent += (line.hasPrefix(".") ? "." : "") + line + "\r\n" }
        return sent + ".\r\n"
    }
}
