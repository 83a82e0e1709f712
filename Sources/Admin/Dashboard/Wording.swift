internal import Curfew
internal import Policies

/// Times, durations and numbers as pages show them; see also ``TimeText``.
enum Wording {
    /// A duration in its two largest units.
    static func span(_ milliseconds: Int64) -> String { Duration.milliseconds(milliseconds).roughText }

    /// A number with grouped digits: `1 000 000`.
    static func number(_ number: some BinaryInteger) -> String {
        number.grouped(by: "\u{202F}", minus: "−")
    }

    /// The number in a stream field; the text itself if it isn't a number.
    static func number(_ field: String?) -> String {
        guard let field else { return "" }
        return Int64(field).map { number($0) } ?? field.shortened(toMarkup: 60)
    }

    /// A time: its distance from now, and the exact time as a tooltip.
    ///
    /// The text is correct when the page is built; the script keeps it up to date.
    static func moment(_ time: Timestamp, now: Timestamp) -> HTML {
        let exact = TimeForm.iso8601(.init()).text(for: time)
        return .element("time", ["datetime": exact, "title": exact]) { TimeText.distance((time - now).milliseconds) }
    }

    /// The same for a text of Unix milliseconds; nothing if it isn't a time.
    static func moment(_ milliseconds: String?, now: Timestamp) -> HTML {
        guard let milliseconds = milliseconds.flatMap({ Int64($0) }), milliseconds.magnitude < 253_402_300_800_000
        else {
            return .nothing
        }
        return moment(Timestamp(milliseconds: milliseconds), now: now)
    }
}
