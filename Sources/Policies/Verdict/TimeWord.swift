/// The words that stand for the time of a change in a template: `<now>`, `<now:s>`, `<now:ms>`, `<now:us>`, `<now:ns>`,
/// `<now:iso>`, each also with a span to be added: `<now:s+1y>`.
enum TimeWord {
    /// Whether the name of a gap is such a word, and not that of a field.
    static func isOne(_ name: String) -> Bool {
        name == "now" || name.hasPrefix("now:") || name.hasPrefix("now+")
    }

    /// Whether it stands for a whole number, and not for a text.
    static func isNumber(_ name: String) -> Bool { ["now:s", "now:ms", "now:us", "now:ns"].contains(parts(name).form) }

    /// What a word stands for; nil where it is none.
    ///
    /// - Parameter form: how the record writes its times, which `<now>` follows.
    static func text(of name: String, at now: Timestamp, like form: TimeForm) -> String? {
        guard isOne(name) else { return nil }
        let (word, added) = parts(name)
        guard let span = added.map(span) ?? .some(.zero) else { return nil }
        let time = now + span
        return switch word {
        case "now": form.text(for: time)
        case "now:s": String(time.milliseconds / 1_000)
        case "now:ms": String(time.milliseconds)
        case "now:us": String(time.milliseconds) + "000"
        case "now:ns": String(time.milliseconds) + "000000"
        case "now:iso": TimeForm.iso8601(TimeForm.ISO8601(fractionDigits: 3)).text(for: time)
        default: nil
        }
    }

    private static func parts(_ name: String) -> (form: String, added: String?) {
        let parts = name.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
    }

    /// A duration; also in years of 365 days, as job systems count how long they keep a failure.
    private static func span(_ text: String) -> Duration? {
        guard text.hasSuffix("y") else { return Duration(text: text) }
        return Int(text.dropLast()).flatMap { (0...1_000).contains($0) ? .seconds($0 * 365 * 86_400) : nil }
    }
}
