internal import Curfew
internal import Policies

/// Times, spans and numbers as pages show them; see also ``TimeText``.
enum Wording {
    /// A span in its two leading units.
    static func span(_ milliseconds: Int64) -> String { Duration.milliseconds(milliseconds).roughText }

    /// A number with its thousands apart: `1 000 000`.
    static func number(_ number: some BinaryInteger) -> String {
        number.grouped(by: "\u{202F}", minus: "−")
    }

    /// The number that a stream's field holds; the text as it is where it holds none.
    static func number(_ field: String?) -> String {
        guard let field else { return "" }
        return Int64(field).map { number($0) } ?? field.shortened(toMarkup: 60)
    }

    /// A moment: how far away it is, and when exactly.
    ///
    /// The text is right when the page is made; a page with its script keeps it so.
    static func moment(_ time: Timestamp, now: Timestamp) -> HTML {
        let exact = TimeForm.iso8601(.init()).text(for: time)
        return .element("time", ["datetime": exact, "title": exact]) { TimeText.distance((time - now).milliseconds) }
    }

    /// The same of a text of Unix milliseconds; nothing where it is no time.
    static func moment(_ milliseconds: String?, now: Timestamp) -> HTML {
        guard let milliseconds = milliseconds.flatMap({ Int64($0) }), milliseconds.magnitude < 253_402_300_800_000
        else {
            return .nothing
        }
        return moment(Timestamp(milliseconds: milliseconds), now: now)
    }
}
