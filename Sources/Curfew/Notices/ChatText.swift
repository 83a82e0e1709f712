/// Notices as a chat message.
struct ChatText {
    let title: String
    let lines: [String]

    /// Creates the message of one notice, or of several changes.
    init(_ notices: [Notice]) {
        title = notices.count == 1 ? notices[0].title : "\(notices.count) changes"
        lines = notices.map { Self.plain($0.line) }
    }

    /// For Slack, in whose texts `&`, `<` and `>` are special.
    var slack: String {
        func escaped(_ text: String) -> String {
            text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        }
        return "*\(escaped(title))*\n" + Self.joined(lines.map(escaped), most: 38_000)
    }

    /// For Discord, which takes at most 2,000 characters.
    var discord: String {
        func escaped(_ text: String) -> String {
            text.replacing(/[\\*_`~|<>\[\]()#]/) { "\\\($0.output)" }
        }
        return "**\(escaped(title))**\n" + Self.joined(lines.map(escaped), most: 1_800)
    }

    /// As many lines as fit, and how many are left out.
    static func joined(_ lines: [String], most: Int) -> String {
        var text = ""
        for (number, line) in lines.enumerated() {
            let line = line.count > 1_000 ? line.prefix(1_000) + "…" : line
            // Characters may be counted in UTF-16 units.
            guard text.utf16.count + line.utf16.count < most else {
                return text + "… and \(lines.count - number) more"
            }
            text += number == 0 ? line : "\n" + line
        }
        return text
    }

    /// Without line breaks and other control characters.
    static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
    }
}
