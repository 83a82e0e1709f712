/// The words that stand for the time of a change in a template: `<now>`, `<now:s>`, `<now:ms>`, `<now:ns>`, `<now:iso>`.
enum TimeWord {
    /// Whether the name of a gap is such a word, and not that of a field.
    static func isOne(_ name: String) -> Bool { name == "now" || name.hasPrefix("now:") }

    /// What a word stands for; nil where it is none.
    ///
    /// - Parameter form: how the record writes its times, which `<now>` follows.
    static func text(of name: String, at now: Timestamp, like form: TimeForm) -> String? {
        switch name {
        case "now": form.text(for: now)
        case "now:s": String(now.milliseconds / 1_000)
        case "now:ms": String(now.milliseconds)
        case "now:ns": String(now.milliseconds) + "000000"
        case "now:iso": TimeForm.iso8601(TimeForm.ISO8601(fractionDigits: 3)).text(for: now)
        default: nil
        }
    }
}
